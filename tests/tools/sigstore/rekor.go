package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	"github.com/go-openapi/runtime"
	"github.com/go-openapi/strfmt"
	"github.com/go-openapi/swag/conv"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/types"
	_ "github.com/sigstore/rekor/pkg/types/dsse/v0.0.1"
	_ "github.com/sigstore/rekor/pkg/types/hashedrekord/v0.0.1"
	_ "github.com/sigstore/rekor/pkg/types/intoto/v0.0.2"
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// rekor is the first version of the log: Rekor's own server wants Trillian and its database, so its entries, promises
// and checkpoints are made here by the functions that it makes them with, over leaves held in memory.
type rekor struct {
	signer signature.SignerVerifier
	logID  string
	mutex  sync.Mutex
	leaves [][]byte
}

// serveRekor starts the log with a new key, writes the public key, and answers its address.
func serveRekor(keyPath string, failed chan<- error) (string, error) {
	signer, _, err := signature.NewDefaultECDSASignerVerifier()
	if err != nil {
		return "", err
	}
	public, err := signer.PublicKey()
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", err
	}
	pem, err := cryptoutils.MarshalPublicKeyToPEM(public)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Clean(keyPath), pem, 0o600); err != nil {
		return "", err
	}
	id := sha256.Sum256(der)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &rekor{signer: signer, logID: hex.EncodeToString(id[:])}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/log/entries", server.create)
	go func() { failed <- http.Serve(listener, mux) }()
	return "http://" + listener.Addr().String(), nil
}

func (r *rekor) create(answer http.ResponseWriter, request *http.Request) {
	id, entry, err := r.add(request)
	answer.Header().Set("Content-Type", "application/json")
	if err != nil {
		answer.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(answer).Encode(models.Error{Code: http.StatusBadRequest, Message: err.Error()})
		return
	}
	// cosign 3 looks for the entry under the name in this header.
	answer.Header().Set("ETag", id)
	answer.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(answer).Encode(models.LogEntry{id: entry})
}

// add logs what the request proposes, and answers the entry with its name.
func (r *rekor) add(request *http.Request) (string, models.LogEntryAnon, error) {
	var logged models.LogEntryAnon
	proposed, err := models.UnmarshalProposedEntry(request.Body, runtime.JSONConsumer())
	if err != nil {
		return "", logged, err
	}
	entry, err := types.CreateVersionedEntry(proposed)
	if err != nil {
		return "", logged, err
	}
	body, err := types.CanonicalizeEntry(request.Context(), entry)
	if err != nil {
		return "", logged, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	index := int64(len(r.leaves))
	r.leaves = append(r.leaves, rfc6962.DefaultHasher.HashLeaf(body))
	logged = models.LogEntryAnon{
		Body:           body,
		IntegratedTime: conv.Pointer(time.Now().Unix()),
		LogID:          conv.Pointer(r.logID),
		LogIndex:       conv.Pointer(index),
	}
	promise, err := r.promise(logged)
	if err != nil {
		return "", logged, err
	}
	proof, err := r.proof(request.Context(), index)
	if err != nil {
		return "", logged, err
	}
	logged.Verification = &models.LogEntryAnonVerification{
		InclusionProof:       proof,
		SignedEntryTimestamp: strfmt.Base64(promise),
	}
	return fmt.Sprintf("%016x%x", treeID, r.leaves[index]), logged, nil
}

// promise signs an entry's canonical form: the signed entry timestamp.
func (r *rekor) promise(entry models.LogEntryAnon) ([]byte, error) {
	payload, err := entry.MarshalBinary()
	if err != nil {
		return nil, err
	}
	canonical, err := jsoncanonicalizer.Transform(payload)
	if err != nil {
		return nil, err
	}
	return r.signer.SignMessage(bytes.NewReader(canonical))
}

func (r *rekor) proof(ctx context.Context, index int64) (*models.InclusionProof, error) {
	root := subtree(r.leaves)
	size := int64(len(r.leaves))
	checkpoint, err := util.CreateAndSignCheckpoint(ctx, "127.0.0.1", treeID, uint64(size), root, r.signer)
	if err != nil {
		return nil, err
	}
	hashes := []string{}
	for _, hash := range path(int(index), r.leaves) {
		hashes = append(hashes, hex.EncodeToString(hash))
	}
	return &models.InclusionProof{
		Checkpoint: conv.Pointer(string(checkpoint)),
		Hashes:     hashes,
		LogIndex:   conv.Pointer(index),
		RootHash:   conv.Pointer(hex.EncodeToString(root)),
		TreeSize:   conv.Pointer(size),
	}, nil
}

// subtree is the hash over some leaves (RFC 6962, section 2.1).
func subtree(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	half := split(len(leaves))
	return rfc6962.DefaultHasher.HashChildren(subtree(leaves[:half]), subtree(leaves[half:]))
}

// path is the proof that one of some leaves is among them (section 2.1.1).
func path(index int, leaves [][]byte) [][]byte {
	if len(leaves) == 1 {
		return nil
	}
	half := split(len(leaves))
	if index < half {
		return append(path(index, leaves[:half]), subtree(leaves[half:]))
	}
	return append(path(index-half, leaves[half:]), subtree(leaves[:half]))
}

// split is the largest power of two below a number.
func split(number int) int {
	half := 1
	for half*2 < number {
		half *= 2
	}
	return half
}

const treeID = 1193050959916656506
