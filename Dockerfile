# Packages of the product alone. No install script of a package runs.
FROM node:24-bookworm-slim AS packages
WORKDIR /sluice
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /sluice
COPY --from=packages /sluice/node_modules ./node_modules
COPY package.json LICENSE ./
COPY migrations ./migrations
COPY policy ./policy
COPY proxy ./proxy

# A number, so that a cluster can tell that it is not root. Nothing in the image belongs to it and nothing is written.
USER 65532:65532
EXPOSE 8080 9090
# Without a shell, so that signals reach the process: SIGTERM drains it. Probes ask the ops listener; an image cannot know its port.
HEALTHCHECK NONE
# The options bound the young generation: without them V8 collects it every ten requests, or lets it take 32 MiB and more.
ENTRYPOINT ["node", "--min-semi-space-size=4", "--max-semi-space-size=16", "proxy/main.ts"]
CMD ["serve"]
