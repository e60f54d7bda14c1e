// Command sigstore-servers runs Fulcio and Sigstore's timestamp authority for tests.
//
// Both are the real ones, put together from their own packages: their own programs also serve metrics on every
// interface of the machine, the timestamp authority on a fixed port. Here each listens on 127.0.0.1 alone, on a port
// that the system chose, and the file --addresses says where as soon as both do.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

type addresses struct {
	Fulcio    string `json:"fulcio"`
	Timestamp string `json:"timestamp"`
}

func main() {
	config := flag.String("config", "", "file with Fulcio's configuration")
	ctLog := flag.String("ct-log-url", "", "certificate log that Fulcio writes to; none when empty")
	ctKey := flag.String("ct-log-public-key", "", "file with that log's public key")
	announce := flag.String("addresses", "", "file to write the two addresses to")
	flag.Parse()
	if err := run(*config, *ctLog, *ctKey, *announce); err != nil {
		log.Fatal(err)
	}
}

func run(config, ctLog, ctKey, announce string) error {
	failed := make(chan error)
	fulcio, err := serveFulcio(config, ctLog, ctKey, failed)
	if err != nil {
		return fmt.Errorf("starting Fulcio: %w", err)
	}
	timestamp, err := serveTimestamps(failed)
	if err != nil {
		return fmt.Errorf("starting the timestamp authority: %w", err)
	}
	if err := write(announce, addresses{Fulcio: fulcio, Timestamp: timestamp}); err != nil {
		return err
	}
	return <-failed
}

// write makes the file appear whole: somebody waits for it.
func write(path string, where addresses) error {
	text, err := json.Marshal(where)
	if err != nil {
		return err
	}
	unfinished := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(unfinished, text, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}
