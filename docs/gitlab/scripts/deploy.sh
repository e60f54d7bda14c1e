#!/bin/sh
# Deploys the very digest that verify.sh has let through.
set -eu

kubectl --namespace "$DEPLOY_NAMESPACE" set image "$DEPLOY_WORKLOAD" "$DEPLOY_CONTAINER=$(cat pinned.txt)"
