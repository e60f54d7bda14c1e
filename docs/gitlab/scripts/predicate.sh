#!/bin/sh
# Writes provenance.json: what this job says of the image that it has just built.
#
# It is SLSA provenance v1 with the field names of GitLab's own statement. Only jq puts values into it, so that
# no branch name, however odd, can add a field. Who signs it is bound to be this job: see attest.sh.
set -eu

jq --arg finished "$(date -u +%Y-%m-%dT%H:%M:%SZ)" '
  # As in pkg:docker/registry.gitlab.com/acme/base/debian@12
  def package: capture("^(?<name>.+?)(:(?<tag>[^/:]+))?$")
    | "pkg:docker/\(.name)" + (if .tag then "@\(.tag)" else "" end);
  def stated: with_entries(select(.value != null and .value != ""));
  {
    buildDefinition: {
      buildType: "https://assay.dev/gitlab-ci/v1",
      externalParameters: {
        source: env.CI_PROJECT_URL,
        entryPoint: env.CI_JOB_NAME,
        variables: ({
          CI_COMMIT_BRANCH: env.CI_COMMIT_BRANCH,
          CI_COMMIT_REF_NAME: env.CI_COMMIT_REF_NAME,
          CI_COMMIT_REF_PROTECTED: env.CI_COMMIT_REF_PROTECTED,
          CI_COMMIT_SHA: env.CI_COMMIT_SHA,
          CI_COMMIT_TAG: env.CI_COMMIT_TAG,
          CI_JOB_ID: env.CI_JOB_ID,
          CI_JOB_URL: env.CI_JOB_URL,
          CI_PIPELINE_ID: env.CI_PIPELINE_ID,
          CI_PIPELINE_SOURCE: env.CI_PIPELINE_SOURCE,
          CI_PIPELINE_URL: env.CI_PIPELINE_URL,
          CI_PROJECT_ID: env.CI_PROJECT_ID,
          CI_PROJECT_PATH: env.CI_PROJECT_PATH,
          CI_PROJECT_URL: env.CI_PROJECT_URL,
          CI_RUNNER_ID: env.CI_RUNNER_ID,
          CI_SERVER_URL: env.CI_SERVER_URL
        } | stated)
      },
      internalParameters: ({
        architecture: env.CI_RUNNER_EXECUTABLE_ARCH,
        job: env.CI_JOB_ID,
        name: env.CI_RUNNER_DESCRIPTION
      } | stated),
      resolvedDependencies: [
        { uri: env.CI_PROJECT_URL, digest: { gitCommit: env.CI_COMMIT_SHA } },
        { uri: (.base.name | package), digest: { sha256: (.base.digest | ltrimstr("sha256:")) } }
      ]
    },
    runDetails: {
      builder: { id: "\(env.CI_PROJECT_URL)/-/runners/\(env.CI_RUNNER_ID)" },
      metadata: ({
        invocationId: env.CI_JOB_ID,
        startedOn: env.CI_JOB_STARTED_AT,
        finishedOn: $finished
      } | stated)
    }
  }
' release.json >provenance.json
