<?php
declare(strict_types=1);
// wxmock exec -- php test.php      The mock starts with the command, and says by its variables where it is.
require __DIR__ . '/wechat.php';

$mock = (string) getenv('WXMOCK_URL');
$wechat = new WeChat((string) getenv('WXMOCK_APPID'), (string) getenv('WXMOCK_SECRET'));

function is(bool $true, string $what): void
{
    echo $true ? 'ok' : 'not ok', " $what\n";
    $true || exit(1);
}

$code = trim(file_get_contents("$mock/_mock/wx/login?user=alice&pick=code"));
[$openid, $key] = $wechat->exchange($code);
is($openid !== '', 'a code logs its user in');

try {
    $wechat->exchange($code);
    is(false, 'a spent code logs nobody in');
} catch (Problem $problem) {
    is($problem->getCode() === 401, 'a spent code logs nobody in');
}

$sealed = json_decode(file_get_contents("$mock/_mock/wx/getUserProfile?user=alice"), true);
is($wechat->open($key, $sealed['encryptedData'], $sealed['iv'], $openid) !== null, 'what the phone sealed opens');
