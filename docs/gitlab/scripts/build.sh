#!/bin/sh
# Builds the image once, pushes it, and writes down in release.json what was pushed and what it was built on.
#
# The base image is resolved here, once, so that the build uses the very digest that the provenance will name.
# Annotations are given to the build: adding them to a pushed image would change its digest.
set -eu

tag=${IMAGE_TAG:-${CI_COMMIT_TAG:-$CI_COMMIT_SHORT_SHA}}
case $tag in
  *[!A-Za-z0-9_.-]*)
    echo "'$tag' is no image tag; set IMAGE_TAG" >&2
    exit 1
    ;;
esac
image=$CI_REGISTRY_IMAGE:$tag

base_name=${BASE_IMAGE%@*}
case $BASE_IMAGE in
  *@sha256:*) base_digest=${BASE_IMAGE##*@} ;;
  *) base_digest=$(skopeo inspect --format '{{.Digest}}' "docker://$BASE_IMAGE") ;;
esac

buildah build \
  --file "${DOCKERFILE:-Dockerfile}" \
  --build-arg "BASE_IMAGE=$base_name@$base_digest" \
  --annotation "org.opencontainers.image.source=$CI_PROJECT_URL" \
  --annotation "org.opencontainers.image.revision=$CI_COMMIT_SHA" \
  --annotation "com.gitlab.ci.pipeline_id=$CI_PIPELINE_ID" \
  --annotation "com.gitlab.ci.job_id=$CI_JOB_ID" \
  --tag "$image" \
  "${BUILD_CONTEXT:-.}"
buildah push --digestfile release.digest "$image"

jq --null-input \
  --arg image "$image" --arg digest "$(cat release.digest)" \
  --arg base_name "$base_name" --arg base_digest "$base_digest" \
  '{ image: $image, digest: $digest, base: { name: $base_name, digest: $base_digest } }' >release.json
rm release.digest
