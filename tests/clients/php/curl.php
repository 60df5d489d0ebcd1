<?php
// PHP's curl, which knows nothing of a mock: asks https://api.weixin.qq.com for a session, as a small backend would.
// Prints the version and the body of the answer, a line each.

$url = 'https://api.weixin.qq.com/sns/jscode2session?' . http_build_query([
    'appid' => getenv('WX_APPID'),
    'secret' => getenv('WX_SECRET'),
    'js_code' => getenv('WX_CODE'),
    'grant_type' => 'authorization_code',
]);
$request = curl_init($url);
curl_setopt_array($request, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 20]);
$body = curl_exec($request);
if ($body === false) {
    fwrite(STDERR, curl_error($request) . "\n");
    exit(1);
}
echo "built in\n", $body, "\n";
