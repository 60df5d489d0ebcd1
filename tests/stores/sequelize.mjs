// A login backend over MySQL or MariaDB by the ORM Sequelize. WAYS=look: findOrCreate over a table without a unique index; without it the
// index is there, and findOrCreate takes what the other one made.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { DataTypes, Sequelize } from "sequelize";

const { WAYS = "", POOL = "10", STORE_HOST, STORE_PORT, PORT, WX_API_BASE, WX_APPID, WX_SECRET } = process.env;
const sequelize = new Sequelize("shop", "app", "secret", {
  dialect: "mysql",
  host: STORE_HOST,
  port: Number(STORE_PORT),
  pool: { max: Number(POOL) },
  logging: false,
});
const look = WAYS === "look";
const User = sequelize.define("user", { openid: { type: DataTypes.STRING(64), allowNull: false, unique: !look } }, { tableName: look ? "sequelize_any" : "sequelize_one" });
const Session = sequelize.define("session", { token: { type: DataTypes.STRING(64), primaryKey: true }, userId: DataTypes.BIGINT }, { tableName: "sequelize_session" });
await sequelize.sync();

async function login(code) {
  const asked = new URLSearchParams({ appid: WX_APPID, secret: WX_SECRET, js_code: code, grant_type: "authorization_code" });
  const { openid } = JSON.parse(await (await fetch(`${WX_API_BASE}/sns/jscode2session?${asked}`)).text());
  if (!openid) return [401, { error: "code_rejected" }];
  const [user] = await User.findOrCreate({ where: { openid } });
  const token = randomBytes(16).toString("hex");
  await Session.create({ token, userId: user.id });
  return [200, { token, user: { id: String(user.id) } }];
}

createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  const [status, body] =
    request.url === "/login" ? await login(JSON.parse(text).code).catch((error) => [500, (console.error(error), { error: "internal" })]) : [200, {}];
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}).listen(Number(PORT), "127.0.0.1");
