# One static binary and nothing else. Build: docker build -t gatepost .
FROM rust:1-slim-bookworm AS build
WORKDIR /src
COPY . .
# With --target the flags are not for build scripts and procedural macros, which cannot be static.
RUN target=$(rustc -vV | sed -n 's/^host: //p') \
 && RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile dist --target "$target" \
 && mkdir -p /out/data \
 && mv "target/$target/dist/gatepost" /out/

FROM scratch
COPY --from=build /out/gatepost /gatepost
# The store's folder; what is mounted here must belong to this user as well.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
EXPOSE 8080
VOLUME /data
ENTRYPOINT ["/gatepost"]
CMD ["serve", "--config", "/etc/gatepost/gatepost.toml"]
