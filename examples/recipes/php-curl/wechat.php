<?php
declare(strict_types=1);

/** An answer other than success: the status, and a word for the page. */
final class Problem extends Exception
{
}

/** WeChat by PHP's own curl, as many ThinkPHP and Laravel projects call it. WX_API_BASE is unset in production. */
final class WeChat
{
    public function __construct(private string $appid, private string $secret, private string $base = 'https://api.weixin.qq.com')
    {
    }

    public static function fromEnvironment(): self
    {
        return new self((string) getenv('WX_APPID'), (string) getenv('WX_SECRET'), getenv('WX_API_BASE') ?: 'https://api.weixin.qq.com');
    }

    /** Spends a login code; gives openid and session_key. */
    public function exchange(string $code): array
    {
        $query = ['appid' => $this->appid, 'secret' => $this->secret, 'js_code' => $code, 'grant_type' => 'authorization_code'];
        $curl = curl_init($this->base . '/sns/jscode2session?' . http_build_query($query));
        curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 2]);
        $answer = json_decode((string) curl_exec($curl), true);
        $errcode = is_array($answer) ? ($answer['errcode'] ?? 0) : -1;
        if (in_array($errcode, [40029, 40163, 41008], true)) {
            throw new Problem('login_again', 401);
        }
        if ($errcode === 40226) {
            throw new Problem('blocked', 403);
        }
        foreach (['openid', 'session_key'] as $field) {
            if ($errcode !== 0 || !is_string($answer[$field] ?? null) || $answer[$field] === '') {
                throw new Problem('try_later', 503);
            }
        }
        return [$answer['openid'], $answer['session_key']];
    }

    /** What WeChat sealed for this person, or null if the key does not open it. */
    public function open(string $key, string $data, string $iv, string $openid): ?array
    {
        $vector = base64_decode($iv, true);
        if ($vector === false || strlen($vector) !== 16) {
            return null;
        }
        $text = openssl_decrypt($data, 'AES-128-CBC', (string) base64_decode($key), 0, $vector);
        $plain = $text === false ? null : json_decode($text, true);
        $isOurs = is_array($plain) && ($plain['watermark']['appid'] ?? '') === $this->appid && ($plain['openId'] ?? $openid) === $openid;
        return $isOurs ? $plain : null;
    }
}
