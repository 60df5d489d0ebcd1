import { createShop } from './shop.js'

const { PORT, WX_API_BASE: base, WX_APPID: appid, WX_SECRET: secret } = process.env
createShop({ base, appid, secret }).listen(Number(PORT), '127.0.0.1')
