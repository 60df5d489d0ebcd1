// A mini-program login backend: Express, users in MySQL (mysql2), sessions in Redis (ioredis).
//
// Settings come from the environment: PORT, MYSQL_URL, REDIS_URL, WX_API_BASE, WX_APPID, WX_SECRET. RACY=1 makes the accounts of
// new users the way many backends do, for wxmock to find.

import express from "express";
import { OncePerCode } from "./once.js";
import { BadPayload, checkOwner, open, sealedFrom } from "./open-data.js";
import { Store } from "./store.js";
import { BAD_CODE, MISCONFIGURED, Refused, Unavailable, WeChat } from "./wechat.js";

/** An answer other than success: one status per thing the phone can do about it. */
class Problem extends Error {
  constructor(status, error) {
    super(error);
    this.status = status;
  }
}

/** 401: call wx.login again, and capture again if a payload was sent. */
const loginAgain = (error) => new Problem(401, error);

function createApp(wechat, store) {
  const once = new OncePerCode();

  const field = (request, name) => {
    const value = request.body?.[name];
    if (typeof value !== "string" || value === "" || value.length > 512) throw new Problem(400, `bad_${name}`);
    return value;
  };
  const tokenOf = (request) => /^Bearer (\S+)$/.exec(request.get("authorization") ?? "")?.[1] ?? "";

  /** Identity comes from the token and from nothing else in the request. */
  const current = async (request) => {
    const session = await store.session(tokenOf(request));
    if (!session) throw loginAgain("unknown_token");
    return session;
  };

  const login = (code) => once.run(code, async () => store.openSession(await wechat.exchange(code)));

  /**
   * WeChat keeps one key per user, but its replies can arrive in any order and a payload can be older than the newest
   * login. So the session's own key is tried first, then the user's latest; none is thrown away when the next comes.
   */
  const opened = async (request, session) => {
    const sealed = sealedFrom(request.body ?? {});
    for (const key of new Set([session.sessionKey, ...(await store.latestKeys(session.userId))])) {
      const data = open(sealed, key);
      if (data) {
        checkOwner(data, wechat.appid, session.openid);
        return data;
      }
    }
    throw loginAgain("login_and_capture_again");
  };
  const profile = ({ nickName, avatarUrl }) => ({ nickName, avatarUrl });

  const app = express();
  app.disable("x-powered-by");
  app.use(express.json({ limit: "1mb" }));

  app.get("/healthz", (_request, response) => response.json({}));

  app.post("/login", async (request, response) => {
    const { token, userId } = await login(field(request, "code"));
    response.json({ token, user: { id: userId } });
  });

  app.post("/login/profile", async (request, response) => {
    const code = field(request, "code");
    const { token, userId } = await login(code);
    try {
      const data = await opened(request, await store.session(token));
      response.json({ token, user: { id: userId }, profile: profile(data) });
    } catch (error) {
      // The phone is told that this login failed, so it must leave no session behind. Its key is true and stays.
      once.forget(code);
      await store.closeSession(token);
      throw error;
    }
  });

  app.post("/profile", async (request, response) => {
    response.json({ profile: profile(await opened(request, await current(request))) });
  });

  app.post("/phone", async (request, response) => {
    const { purePhoneNumber } = await opened(request, await current(request));
    if (!purePhoneNumber) throw new Problem(400, "payload_without_phone");
    response.json({ phone: purePhoneNumber });
  });

  app.post("/phone/code", async (request, response) => {
    const { openid } = await current(request);
    try {
      response.json({ phone: await wechat.phoneNumber(field(request, "code"), openid) });
    } catch (error) {
      // The login is fine; the person must press the button again.
      if (error instanceof Refused && BAD_CODE.has(error.errcode)) throw new Problem(400, "phone_code_rejected");
      throw error;
    }
  });

  app.get("/me", async (request, response) => {
    response.json({ user: { id: (await current(request)).userId } });
  });

  app.post("/logout", async (request, response) => {
    await current(request);
    await store.closeSession(tokenOf(request));
    response.json({});
  });

  app.use((_request, _response, next) => next(new Problem(404, "no_such_endpoint")));
  app.use((error, _request, response, _next) => {
    const [status, word] = explain(error);
    response.status(status).json({ error: word });
  });
  return app;
}

/** Status and word for anything that was thrown; never the error's own text. */
function explain(error) {
  if (error instanceof Problem) return [error.status, error.message];
  if (error instanceof BadPayload) return [400, "bad_payload"];
  if (error instanceof Refused) {
    if (BAD_CODE.has(error.errcode)) return [401, "code_rejected"];
    if (error.errcode === 40226) return [403, "user_blocked"];
    console.error(`WeChat refuses: ${error.message}`);
    if (MISCONFIGURED.has(error.errcode)) return [500, "wechat_configuration"];
    // Busy (-1), over the quota (45011), or something new.
    return [503, "wechat_unavailable"];
  }
  if (error instanceof Unavailable) {
    console.error(`WeChat is unavailable: ${error.message}`);
    return [503, "wechat_unavailable"];
  }
  // What express.json() says about a body it cannot read.
  if (error.status >= 400 && error.status < 500) return [error.status, "bad_request"];
  console.error(error);
  return [500, "internal_error"];
}

const {
  PORT = "8000",
  MYSQL_URL = "mysql://root@127.0.0.1:3306/wxmock_example",
  REDIS_URL = "redis://127.0.0.1:6379/0",
  RACY = "",
  WX_API_BASE = "https://api.weixin.qq.com",
  WX_APPID,
  WX_SECRET,
} = process.env;
if (!WX_APPID || !WX_SECRET) {
  console.error("WX_APPID and WX_SECRET must be set");
  process.exit(1);
}
const wechat = new WeChat({ base: WX_API_BASE, appid: WX_APPID, secret: WX_SECRET });
const store = await Store.open({ mysql: MYSQL_URL, redis: REDIS_URL, racy: RACY === "1" });
createApp(wechat, store).listen(Number(PORT), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(`listening on http://127.0.0.1:${PORT}`);
});
