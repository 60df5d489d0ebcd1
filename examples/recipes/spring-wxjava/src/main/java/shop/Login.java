package shop;

import cn.binarywang.wx.miniapp.api.WxMaService;
import cn.binarywang.wx.miniapp.bean.WxMaJscode2SessionResult;
import cn.binarywang.wx.miniapp.bean.WxMaUserInfo;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import me.chanjar.weixin.common.error.WxErrorException;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Users and sessions in memory; a database in yours. */
@RestController
class Login {
    record User(int id, List<String> keys) {}

    record Session(String openid, String key) {}

    private final WxMaService wechat;
    private final Map<String, User> users = new ConcurrentHashMap<>();
    private final Map<String, Session> sessions = new ConcurrentHashMap<>();

    Login(WxMaService wechat) {
        this.wechat = wechat;
    }

    @PostMapping("/login")
    Map<String, Object> login(@RequestBody Map<String, String> body) {
        WxMaJscode2SessionResult answer = exchanged(given(body, "code"));
        User user = users.compute(answer.getOpenid(), (openid, known) -> {
            // The newest first: WeChat's answers can overtake each other, so none replaces another.
            List<String> keys = new ArrayList<>(List.of(answer.getSessionKey()));
            if (known != null) keys.addAll(known.keys().subList(0, Math.min(7, known.keys().size())));
            return new User(known == null ? users.size() + 1 : known.id(), keys);
        });
        String token = UUID.randomUUID().toString();
        sessions.put(token, new Session(answer.getOpenid(), answer.getSessionKey()));
        return Map.of("token", token, "user", Map.of("id", user.id()));
    }

    @PostMapping("/profile")
    Map<String, String> profile(@RequestHeader(defaultValue = "") String authorization, @RequestBody Map<String, String> body) {
        Session session = session(authorization);
        String data = given(body, "encryptedData"), iv = given(body, "iv");
        // The key of this login first, then the user's others: a page may have sealed its data after a newer login.
        Set<String> keys = new LinkedHashSet<>(List.of(session.key()));
        keys.addAll(users.get(session.openid()).keys());
        for (String key : keys) {
            try {
                WxMaUserInfo opened = wechat.getUserService().getUserInfo(key, data, iv);
                if (opened.getWatermark().getAppid().equals(wechat.getWxMaConfig().getAppid())) return Map.of("nickName", opened.getNickName());
            } catch (RuntimeException wrongKey) {
                // What WxJava throws depends on the bytes that come out.
            }
        }
        throw new ResponseStatusException(HttpStatus.UNAUTHORIZED, "login again");
    }

    @GetMapping("/me")
    Map<String, Object> me(@RequestHeader(defaultValue = "") String authorization) {
        return Map.of("user", Map.of("id", users.get(session(authorization).openid()).id()));
    }

    @GetMapping("/healthz")
    Map<String, String> healthz() {
        return Map.of();
    }

    private WxMaJscode2SessionResult exchanged(String code) {
        try {
            WxMaJscode2SessionResult answer = wechat.getUserService().getSessionInfo(code);
            if (answer.getOpenid() != null && answer.getSessionKey() != null) return answer;
        } catch (WxErrorException refused) {
            switch (refused.getError().getErrorCode()) {
                case 40029, 40163, 41008 -> throw new ResponseStatusException(HttpStatus.UNAUTHORIZED, "login again");
                case 40226 -> throw new ResponseStatusException(HttpStatus.FORBIDDEN, "blocked");
                default -> {}
            }
        } catch (RuntimeException notJson) {
            // A gateway's page instead of WeChat's answer.
        }
        throw new ResponseStatusException(HttpStatus.SERVICE_UNAVAILABLE, "try later");
    }

    private Session session(String authorization) {
        Session session = sessions.get(authorization.replaceFirst("^Bearer ", ""));
        if (session == null) throw new ResponseStatusException(HttpStatus.UNAUTHORIZED, "login again");
        return session;
    }

    private static String given(Map<String, String> body, String name) {
        String value = body.get(name);
        if (value == null || value.isEmpty()) throw new ResponseStatusException(HttpStatus.BAD_REQUEST, name);
        return value;
    }
}
