// Command sigstore-servers runs Fulcio, Sigstore's timestamp authority and the first version of Rekor for tests.
//
// The first two are the real ones, put together from their own packages: their own programs also serve metrics on every
// interface of the machine, the timestamp authority on a fixed port. Here each listens on 127.0.0.1 alone, on a port
// that the system chose, and the file --addresses says where as soon as all do.
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
	Rekor     string `json:"rekor"`
	Timestamp string `json:"timestamp"`
}

func main() {
	config := flag.String("config", "", "file with Fulcio's configuration")
	ctLog := flag.String("ct-log-url", "", "certificate log that Fulcio writes to; none when empty")
	ctKey := flag.String("ct-log-public-key", "", "file with that log's public key")
	rekorKey := flag.String("rekor-public-key", "", "file to write Rekor's public key to")
	announce := flag.String("addresses", "", "file to write the addresses to")
	flag.Parse()
	if err := run(*config, *ctLog, *ctKey, *rekorKey, *announce); err != nil {
		log.Fatal(err)
	}
}

func run(config, ctLog, ctKey, rekorKey, announce string) error {
	failed := make(chan error)
	fulcio, err := serveFulcio(config, ctLog, ctKey, failed)
	if err != nil {
		return fmt.Errorf("starting Fulcio: %w", err)
	}
	timestamp, err := serveTimestamps(failed)
	if err != nil {
		return fmt.Errorf("starting the timestamp authority: %w", err)
	}
	rekor, err := serveRekor(rekorKey, failed)
	if err != nil {
		return fmt.Errorf("starting Rekor: %w", err)
	}
	if err := write(announce, addresses{Fulcio: fulcio, Rekor: rekor, Timestamp: timestamp}); err != nil {
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
