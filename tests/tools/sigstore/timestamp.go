package main

import (
	"fmt"
	"time"

	"github.com/spf13/viper"

	"github.com/sigstore/timestamp-authority/v2/pkg/server"
)

// serveTimestamps starts the timestamp authority with a new chain, and answers its address.
func serveTimestamps(failed chan<- error) (string, error) {
	// The defaults of its own flags, as far as they are not the zero value.
	viper.Set("timestamp-signer", "memory")
	viper.Set("timestamp-signer-hash", "sha256")
	viper.Set("default-policy-oid", policy)
	viper.Set("accepted-policy-oids", []string{policy})
	viper.Set("max-request-body-size", 1<<20)
	authority := server.NewRestAPIServer("127.0.0.1", 0, []string{"http"}, false, time.Minute, time.Minute)
	if err := authority.Listen(); err != nil {
		return "", err
	}
	go func() { failed <- authority.Serve() }()
	return fmt.Sprintf("http://127.0.0.1:%d", authority.Port), nil
}

const policy = "1.3.6.1.4.1.57264.2"
