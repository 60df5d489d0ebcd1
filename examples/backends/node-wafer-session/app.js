// The server of wafer-node-session's README, on Express. Everything about sessions and WeChat is the package's own,
// unmodified; its address of WeChat is a literal inside it. The README's store is Redis; here it is the package's default.
// Added to it: /userinfo.
// Settings: PORT, WX_APPID, WX_SECRET.
'use strict';

const express = require('express');
const session = require('wafer-node-session');
const WXBizDataCrypt = require('wafer-node-session/lib/WXBizDataCrypt');

const { PORT = '5757', WX_APPID, WX_SECRET } = process.env;
const app = express();

app.use(session({ appId: WX_APPID, appSecret: WX_SECRET, loginPath: '/login' }));

app.use('/me', (request, response) => {
  if (request.session) {
    response.json(request.session.userInfo);
  } else {
    response.json({ nobody: true });
  }
});

// Data that a page seals after the login, opened with the session's key and the package's own class.
app.post('/userinfo', express.json(), (request, response) => {
  if (!request.session) return response.json({ nobody: true });
  try {
    const { encryptedData, iv } = request.body;
    response.json(new WXBizDataCrypt(WX_APPID, request.session.sessionKey).decryptData(encryptedData, iv));
  } catch (error) {
    response.json({ message: error.message });
  }
});

app.listen(Number(PORT), '127.0.0.1');
