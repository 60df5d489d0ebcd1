<?php
declare(strict_types=1);
// php -S 127.0.0.1:8080 index.php      Users and sessions in one file; a database in yours.
require __DIR__ . '/wechat.php';

/** Changes the state while nobody else does. Never around a call to WeChat. */
function state(callable $change): mixed
{
    $file = fopen(getenv('STATE') ?: sys_get_temp_dir() . '/shop.json', 'c+');
    flock($file, LOCK_EX);
    $state = json_decode((string) stream_get_contents($file), true) ?: ['users' => [], 'sessions' => []];
    $result = $change($state);
    rewind($file);
    ftruncate($file, 0);
    fwrite($file, (string) json_encode($state));
    fclose($file);
    return $result;
}

function given(string $name): string
{
    static $body = null;
    $body ??= json_decode((string) file_get_contents('php://input'), true);
    $value = is_array($body) ? ($body[$name] ?? null) : null;
    return is_string($value) && $value !== '' ? $value : throw new Problem("bad_$name", 400);
}

/** Openid, own key and the user's keys of whoever holds the token. */
function current_session(): array
{
    $token = preg_replace('/^Bearer /', '', $_SERVER['HTTP_AUTHORIZATION'] ?? '');
    return state(function (array &$state) use ($token) {
        [$openid, $key] = $state['sessions'][$token] ?? throw new Problem('login_again', 401);
        return [$openid, $key, $state['users'][$openid]];
    });
}

function login(): array
{
    [$openid, $key] = WeChat::fromEnvironment()->exchange(given('code'));
    $token = bin2hex(random_bytes(24));
    $id = state(function (array &$state) use ($openid, $key, $token) {
        $user = $state['users'][$openid] ?? ['id' => count($state['users']) + 1, 'keys' => []];
        // The newest first, and none replaces another: WeChat's answers can overtake each other.
        $user['keys'] = [$key, ...array_slice($user['keys'], 0, 7)];
        $state['users'][$openid] = $user;
        $state['sessions'][$token] = [$openid, $key];
        return $user['id'];
    });
    return ['token' => $token, 'user' => ['id' => $id]];
}

function profile(): array
{
    [$openid, $own, $user] = current_session();
    // The key of this login first, then the user's others: a page may have sealed its data after a newer login.
    foreach (array_unique([$own, ...$user['keys']]) as $key) {
        $plain = WeChat::fromEnvironment()->open($key, given('encryptedData'), given('iv'), $openid);
        if ($plain !== null) {
            return ['nickName' => $plain['nickName'] ?? null];
        }
    }
    throw new Problem('login_again', 401);
}

try {
    $answer = match ($_SERVER['REQUEST_METHOD'] . ' ' . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
        'GET /healthz' => [],
        'POST /login' => login(),
        'POST /profile' => profile(),
        'GET /me' => ['user' => ['id' => current_session()[2]['id']]],
        default => throw new Problem('no_such_page', 404),
    };
} catch (Problem $problem) {
    http_response_code($problem->getCode());
    $answer = ['error' => $problem->getMessage()];
}
header('Content-Type: application/json');
echo json_encode((object) $answer);
