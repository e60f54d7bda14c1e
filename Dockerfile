# syntax=docker/dockerfile:1
# The static binary on nothing: no shell, no libc, no package manager.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" \
#     --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" --build-arg CREATED="$(git log -1 --format=%cI)" .
#
# Nothing in it depends on when or in which folder it is built. `--platform linux/arm64` builds for the other architecture
# with a cross compiler, on the machine's own: the program is never emulated while it is built.

# Name it by digest (`RUST=docker.io/library/rust@sha256:…`) where a tag is not enough of a pin.
ARG RUST=docker.io/library/rust:1.95.0-bookworm

FROM --platform=$BUILDPLATFORM $RUST AS tools
ARG CARGO_CYCLONEDX=0.5.9
RUN cargo install --locked --root /tools "cargo-cyclonedx@$CARGO_CYCLONEDX"

FROM --platform=$BUILDPLATFORM $RUST AS build
ARG BUILDARCH
ARG TARGETARCH
RUN if [ "$BUILDARCH" != "$TARGETARCH" ]; then \
      case "$TARGETARCH" in amd64) name=x86-64 triple=x86_64 ;; *) name=aarch64 triple=aarch64 ;; esac \
      && apt-get update \
      && apt-get install -y --no-install-recommends "gcc-$name-linux-gnu" "libc6-dev-$TARGETARCH-cross" \
      && rm -rf /var/lib/apt/lists/* \
      && rustup target add "$triple-unknown-linux-gnu"; \
    fi
WORKDIR /src
COPY Cargo.toml Cargo.lock LICENSE ./
COPY .ci/rootfs .ci/
# Named by Cargo.toml, though nothing of it is compiled.
COPY benches ./benches
COPY tests ./tests
COPY src ./src
COPY --from=tools /tools/bin/cargo-cyclonedx /usr/local/bin/cargo-cyclonedx
ARG SOURCE_DATE_EPOCH=0
RUN .ci/rootfs /out "$TARGETARCH"

FROM scratch AS final
ARG VERSION=0.1.0
ARG REVISION=""
ARG SOURCE=""
ARG CREATED=""
LABEL org.opencontainers.image.title="assay" \
      org.opencontainers.image.description="Lets an image into a Kubernetes cluster only when its signature proves who built it" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out /
USER 65532:65532
EXPOSE 8443 9090
ENTRYPOINT ["/assay"]
CMD ["serve"]
