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
ENTRYPOINT ["node", "--enable-source-maps", "edge/main.ts"]
