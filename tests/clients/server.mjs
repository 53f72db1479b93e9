// A genuine Better Auth server on a database that it shares with this service.
// node server.mjs PORT DATABASE(sqlite file or postgresql URL) ORIGIN ; the secret is in TEST_SECRET

import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { bearer, jwt } from "better-auth/plugins";

const [port, place, origin] = process.argv.slice(2);

async function open() {
  if (place.startsWith("postgresql:")) {
    const { default: pg } = await import("pg");
    return new pg.Pool({ connectionString: place, max: 4 });
  }
  const { default: Sqlite } = await import("better-sqlite3");
  const database = new Sqlite(place);
  database.pragma("busy_timeout = 5000");
  database.pragma("journal_mode = WAL");
  return database;
}

const options = {
  database: await open(),
  secret: process.env.TEST_SECRET,
  baseURL: `http://127.0.0.1:${port}`,
  trustedOrigins: [origin],
  emailAndPassword: { enabled: true },
  user: {
    deleteUser: { enabled: true },
    additionalFields: { proficiency: { type: "string", required: false, defaultValue: "pro" } },
  },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [bearer(), jwt()],
};

const { runMigrations } = await getMigrations(options);
await runMigrations();
const handler = toNodeHandler(betterAuth(options));
createServer((request, response) => handler(request, response)).listen(Number(port), "127.0.0.1");
