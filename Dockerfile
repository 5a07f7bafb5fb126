# The FIX edge. Build: docker build -t fixgate-edge .   (dependencies come from the lock file, nothing else from the network)
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts
COPY adapters ./adapters
COPY core ./core
COPY edge ./edge

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app ./
RUN mkdir /data && chown 1000:1000 /data
USER 1000:1000
VOLUME /data
EXPOSE 9878 9464
STOPSIGNAL SIGTERM
# Options of V8 and settings of the allocator are those of edge/runtime.ts, and said why there.
ENV MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_ARENA_MAX=1
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=4", "--heap-growing-percent=20", "edge/main.ts"]
