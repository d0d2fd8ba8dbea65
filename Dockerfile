# Pulsegate in a container: built by the same target as everywhere, run by nobody in particular.
#
#   docker build -t pulsegate .
#   docker run --rm --network host --stop-timeout 40 -v ./pulsegate.yaml:/etc/pulsegate/pulsegate.yaml:ro pulsegate
#
# Without `--network host`, let the listener's address be 0.0.0.0:8080 and publish that port. The stop timeout is longer than
# `shutdown.delay` and `shutdown.grace` together (30 s by default): Docker's own 10 s would cut off requests in flight.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN make release

FROM debian:bookworm-slim
# The trusted roots, for upstreams that are reached over TLS without a CA of their own.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/pulsegate /usr/local/bin/pulsegate
USER 65532:65532
# Answered by the admin listener at its default address; override it together with `admin.address`.
HEALTHCHECK --interval=5s --timeout=3s CMD ["pulsegate", "healthcheck"]
ENTRYPOINT ["pulsegate"]
CMD ["run", "--config", "/etc/pulsegate/pulsegate.yaml"]
