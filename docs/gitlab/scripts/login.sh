#!/bin/sh
# Lets buildah, skopeo, cosign and assay into the project's registry: all of them read this file.
set -eu
mkdir -p "$HOME/.docker"
(
  umask 077
  jq --null-input '{
    auths: { (env.CI_REGISTRY): { auth: ("\(env.CI_REGISTRY_USER):\(env.CI_REGISTRY_PASSWORD)" | @base64) } }
  }' >"$HOME/.docker/config.json"
)
