# syntax=docker/dockerfile:1

# The image of Curfew: the service, its REST gateway and the command line in one.
#   docker build -t curfew .
#   docker run curfew             runs `curfew serve`
#   docker run curfew migrate up  runs any other command

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/build_lock.mjs scripts/copy_assets.mjs scripts/fingerprint.mjs scripts/node_version.mjs scripts/
COPY generated generated
COPY src src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY generated/descriptors.binpb generated/
COPY generated/health.binpb generated/
COPY package.json ./
# For `docker exec` and `kubectl exec`.
RUN ln -s /app/dist/src/cli/main.js /usr/local/bin/curfew
# By number, so that Kubernetes can see that it is not root; this is the image's user `node`.
USER 1000:1000
# gRPC, REST, Prometheus metrics.
EXPOSE 50051 8000 9464
STOPSIGNAL SIGTERM
# Asks grpc.health.v1 over the port, host and certificate that the environment gives the service.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "dist/src/cli/main.js", "health", "--timeout", "3"]
# The service handles its signals itself, also as process 1. With the room of a few thousand calls for
# young objects, garbage collection takes half the time (bench/profiles/validate.md).
ENTRYPOINT ["node", "--min-semi-space-size=32", "--max-semi-space-size=32", "--heap-growing-percent=100", "dist/src/cli/main.js"]
CMD ["serve"]
