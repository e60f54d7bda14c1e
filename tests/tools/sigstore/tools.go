//go:build tools

// This file pins Rekor's program. After a change, `go mod tidy -e` writes go.mod and go.sum: without -e it also wants
// what Fulcio's own tests import, and a part of that is not published.
package main

import _ "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix"
