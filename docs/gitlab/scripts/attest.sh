#!/bin/sh
# Signs provenance.json as a statement about the digest, as sign.sh signs the digest.
#
# After sign.sh and not beside it: where the registry has no referrers API both add to one index, and who writes last wins.
set -eu

reference=$(jq --raw-output '(.image | sub(":[^:/]+$"; "")) + "@" + .digest' release.json)
cosign attest --type slsaprovenance1 --predicate provenance.json "$reference"
