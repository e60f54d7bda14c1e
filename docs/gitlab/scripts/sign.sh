#!/bin/sh
# Signs the digest that was pushed. How, the variables COSIGN_… say: keyless, or with COSIGN_KEY.
set -eu

reference=$(jq --raw-output '(.image | sub(":[^:/]+$"; "")) + "@" + .digest' release.json)
# One row of comma-separated values, as cosign reads it: a comma or quote in a branch name stays in its value. A name
# with "=" is left out, which cosign would refuse; the provenance has it.
annotations=$(jq --null-input --raw-output '[
  "com.gitlab.ci.commit.ref.name=\(env.CI_COMMIT_REF_NAME)",
  "com.gitlab.ci.commit.sha=\(env.CI_COMMIT_SHA)",
  "com.gitlab.ci.job.id=\(env.CI_JOB_ID)",
  "com.gitlab.ci.job.url=\(env.CI_JOB_URL)",
  "com.gitlab.ci.pipeline.id=\(env.CI_PIPELINE_ID)",
  "com.gitlab.ci.pipeline.url=\(env.CI_PIPELINE_URL)",
  "com.gitlab.ci.project.path=\(env.CI_PROJECT_PATH)"
] | map(select(split("=") | length == 2)) | @csv')
cosign sign --annotations "$annotations" "$reference"
