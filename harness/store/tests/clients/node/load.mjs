// How much of its speed a client keeps through wxmock: node load.mjs KIND DIRECT THROUGH STATEMENTS SLICES; KIND is redis, mysql or
// postgres, DIRECT and THROUGH are addresses. Over ten connections each way, in slices that alternate, as the machine may have other
// work; prints the milliseconds of each slice as a line of JSON: [direct, through].
import { performance } from "node:perf_hooks";

const [kind, direct, through, statements, slices] = process.argv.slice(2);
const CONNECTIONS = 10;
const LOOK = "SELECT id, openid FROM account WHERE id = 1";

async function connect(address) {
  const [host, port] = address.split(":");
  const of = { host, port: Number(port), user: "app", password: "secret", database: "shop" };
  if (kind === "redis") {
    const { default: Redis } = await import("ioredis");
    const clients = Array.from({ length: CONNECTIONS }, () => new Redis({ host, port: Number(port) }));
    return [(worker) => clients[worker].get("sess:"), () => clients.forEach((client) => client.disconnect())];
  }
  if (kind === "mysql") {
    const { default: mysql } = await import("mysql2/promise");
    const pool = mysql.createPool({ ...of, connectionLimit: CONNECTIONS });
    return [() => pool.query(LOOK), () => pool.end()];
  }
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ ...of, max: CONNECTIONS });
  return [() => pool.query(LOOK), () => pool.end()];
}

async function slice(say, count) {
  const began = performance.now();
  const work = async (worker) => {
    for (let at = worker; at < count; at += CONNECTIONS) await say(worker);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, worker) => work(worker)));
  return performance.now() - began;
}

const ways = await Promise.all([direct, through].map(connect));
const count = Math.ceil(statements / slices);
for (const [say] of ways) await slice(say, count);
for (let at = 0; at < slices; at += 1) {
  const took = [];
  for (const [say] of ways) took.push(await slice(say, count));
  console.log(JSON.stringify(took));
}
for (const [, end] of ways) await end();
