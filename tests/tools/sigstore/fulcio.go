package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	ctclient "github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	v1 "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/sigstore/fulcio/pkg/ca/ephemeralca"
	"github.com/sigstore/fulcio/pkg/config"
	"github.com/sigstore/fulcio/pkg/generated/protobuf"
	"github.com/sigstore/fulcio/pkg/generated/protobuf/legacy"
	"github.com/sigstore/fulcio/pkg/server"
	"github.com/sigstore/sigstore/pkg/signature"
)

// serveFulcio starts Fulcio with a new authority, and answers its address.
func serveFulcio(configPath, ctLog, ctKey string, failed chan<- error) (string, error) {
	cfg, err := config.Load(configPath)
	if err != nil {
		return "", err
	}
	authority, err := ephemeralca.NewEphemeralCA()
	if err != nil {
		return "", err
	}
	certificateLog, err := connect(ctLog, ctKey)
	if err != nil {
		return "", err
	}
	algorithms, err := signature.NewAlgorithmRegistryConfig([]v1.PublicKeyDetails{
		v1.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256,
	})
	if err != nil {
		return "", err
	}
	service := server.NewGRPCCAServer(certificateLog, authority, algorithms, server.NewIssuerPool(cfg))
	mux := runtime.NewServeMux(runtime.WithMetadata(bearer), runtime.WithForwardResponseOption(status))
	// cosign 3 asks the second version of the interface, cosign 2 the first.
	if err := protobuf.RegisterCAHandlerServer(context.Background(), mux, service); err != nil {
		return "", err
	}
	first := server.NewLegacyGRPCCAServer(service)
	if err := legacy.RegisterCAHandlerServer(context.Background(), mux, first); err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	configured := http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		mux.ServeHTTP(answer, request.WithContext(config.With(request.Context(), cfg)))
	})
	go func() { failed <- http.Serve(listener, configured) }()
	return "http://" + listener.Addr().String(), nil
}

func connect(url, keyPath string) (*ctclient.LogClient, error) {
	if url == "" {
		return nil, nil
	}
	key, err := os.ReadFile(keyPath)
	if err != nil {
		return nil, err
	}
	// With the key, Fulcio verifies each timestamp before it puts it into a certificate.
	return ctclient.New(url, http.DefaultClient, jsonclient.Options{PublicKey: string(key)})
}

// bearer hands on the token as the first version of the interface gets it.
func bearer(_ context.Context, request *http.Request) metadata.MD {
	token := strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
	return metadata.Pairs(server.MetadataOIDCTokenKey, token)
}

// status sets the status that the first version of the interface answers with.
func status(ctx context.Context, answer http.ResponseWriter, _ proto.Message) error {
	metadata, ok := runtime.ServerMetadataFromContext(ctx)
	if !ok {
		return nil
	}
	codes := metadata.HeaderMD.Get(server.HTTPResponseCodeMetadataKey)
	if len(codes) == 0 {
		return nil
	}
	code, err := strconv.Atoi(codes[0])
	if err != nil {
		return err
	}
	answer.WriteHeader(code)
	return nil
}
