# The FIX edge. Build: docker build -t fixgate-edge .   (dependencies come from the lock file, nothing else from the network)
# What is deployed is pinned: --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24-bookworm-slim
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts
# What is in the image, for who scans it.
RUN npm run --silent sbom > sbom.cdx.json
COPY adapters ./adapters
COPY core ./core
COPY edge ./edge

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app ./
RUN mkdir /data && chown 1000:1000 /data
USER 1000:1000
VOLUME /data
EXPOSE 9878 9464
STOPSIGNAL SIGTERM
# Options of V8 and settings of the allocator are those of edge/runtime.ts, and said why there.
ENV MALLOC_MMAP_THRESHOLD_=32768 MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_ARENA_MAX=1
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=8", "--heap-growing-percent=20", "--incremental-marking-soft-trigger=50", "--incremental-marking-hard-trigger=90", "--max-inlined-bytecode-size-cumulative=2500", "--import=./edge/untyped.mjs", "edge/main.ts"]
