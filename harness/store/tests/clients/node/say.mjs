// Says what it is told to a store, one statement after the other, and prints each result as a line of JSON.
// node say.mjs KIND HOST PORT STATEMENTS, as clients/python/say.py; KIND is redis, mysql, mysql-prepared,
// mysql-compressed, postgres or postgres-named.
const [kind, host, port, statements] = process.argv.slice(2);

async function connect() {
  if (kind === "redis") {
    const { default: Redis } = await import("ioredis");
    const client = new Redis({ host, port: Number(port) });
    const say = async ([name, ...words]) => {
      if (name !== "PIPELINE" && name !== "TRANSACTION") return client.call(name, ...words);
      const pipeline = name === "PIPELINE" ? client.pipeline() : client.multi();
      for (const command of words) pipeline.call(...command);
      return (await pipeline.exec()).map(([, result]) => result);
    };
    return [say, () => client.disconnect()];
  }
  if (kind.startsWith("mysql")) {
    const { default: mysql } = await import("mysql2/promise");
    const client = await mysql.createConnection({
      host, port: Number(port), user: "app", password: "secret", database: "shop", multipleStatements: true,
      compress: kind === "mysql-compressed",
    });
    const say = async ([text, values]) => {
      const prepared = kind === "mysql-prepared" && values;
      const question = text.replaceAll("%s", "?");
      const [rows] = await (prepared ? client.execute(question, values) : client.query(question, values));
      return Array.isArray(rows) ? rows.map((row) => Object.values(row)) : rows.affectedRows;
    };
    return [say, () => client.end()];
  }
  const { default: pg } = await import("pg");
  const client = new pg.Client({ host, port: Number(port), user: "app", password: "secret", database: "shop" });
  await client.connect();
  const say = async ([text, values]) => {
    let number = 0;
    const question = values ? text.replaceAll("%s", () => `$${++number}`) : text;
    const name = kind === "postgres-named" && values ? text : undefined;
    const result = await client.query({ text: question, values, name, rowMode: "array" });
    return result.fields?.length ? result.rows : result.rowCount;
  };
  return [say, () => client.end()];
}

const [say, end] = await connect();
for (const words of JSON.parse(statements)) {
  const result = await say(words).catch((error) => ({ error: String(error.message) }));
  console.log(JSON.stringify(result));
}
await end();
