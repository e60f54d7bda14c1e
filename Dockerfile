# syntax=docker/dockerfile:1
# The static binary on nothing: no shell, no libc, no package manager. Built with glibc linked in, not musl.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
COPY Cargo.toml Cargo.lock ./
COPY src ./src
COPY manifests ./manifests
COPY tests ./tests
ARG TARGETARCH=amd64
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN case "$TARGETARCH" in amd64) triple=x86_64-unknown-linux-gnu ;; arm64) triple=aarch64-unknown-linux-gnu ;; *) exit 1 ;; esac \
    && cargo build --release --locked --bin assay --target "$triple" \
    && install -D "target/$triple/release/assay" /out/assay

FROM scratch AS final
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="assay" \
      org.opencontainers.image.description="Lets an image into a Kubernetes cluster only when its signature proves who built it" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chmod=0555 /out/assay /assay
USER 65532:65532
EXPOSE 8443 9090
ENTRYPOINT ["/assay"]
CMD ["serve"]
