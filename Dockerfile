# The build stage types what everybody types; the runtime stage holds the binary, the roots and nothing that can be logged into.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN make release

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 pulsegate
COPY --from=build /src/target/release/pulsegate /usr/local/bin/pulsegate
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s CMD ["pulsegate", "healthcheck"]
ENTRYPOINT ["pulsegate"]
CMD ["run", "--config", "/etc/pulsegate/pulsegate.yaml"]
