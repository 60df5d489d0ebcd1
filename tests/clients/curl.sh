# curl, which knows nothing of a mock: asks https://api.weixin.qq.com for a session, as a small backend would.
# Prints the version and the body of the answer, a line each.
echo 'built in'
exec curl --silent --show-error --fail --max-time 20 --get https://api.weixin.qq.com/sns/jscode2session \
  --data-urlencode "appid=$WX_APPID" --data-urlencode "secret=$WX_SECRET" \
  --data-urlencode "js_code=$WX_CODE" --data-urlencode grant_type=authorization_code
