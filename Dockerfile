# The service alone: Node runs the TypeScript as it lies here. What may be copied is named in .dockerignore.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

# The review console's page, which Vite makes of its sources.
FROM node:24-slim AS console
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --ignore-scripts && npm cache clean --force
COPY console console
COPY src/handlers/admin src/handlers/admin
RUN NODE_ENV=production node_modules/.bin/vite build --config console/vite.config.ts

FROM node:24-slim
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY src src
COPY deploy/healthcheck.mjs deploy/
COPY --from=console /app/console/dist console/dist
# The program belongs to root and is only read; what the service writes goes to /data, and nowhere else.
RUN install --directory --owner=node --group=node /data
ENV NODE_ENV=production DATA_DIR=/data
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "deploy/healthcheck.mjs"]
# On SIGTERM src/main.ts drains for up to 28 s: give `docker stop` as long (--time 40).
CMD ["node", "src/main.ts"]
