#!/bin/sh
# Asks what the cluster will ask, and writes the reference to deploy to pinned.txt.
#
# Exit code 1 is a denial, with the line that kubectl would print; 2 says that it could not be judged.
set -eu

assay verify "$(jq --raw-output '.image + "@" + .digest' release.json)" \
  --policies "$ASSAY_POLICIES" \
  --namespace "$DEPLOY_NAMESPACE" \
  --namespace-labels "$DEPLOY_NAMESPACE_LABELS" \
  --default-action Deny >pinned.txt
cat pinned.txt
