import cn.binarywang.wx.miniapp.api.WxMaService;
import cn.binarywang.wx.miniapp.api.impl.WxMaServiceImpl;
import cn.binarywang.wx.miniapp.api.impl.WxMaServiceOkHttpImpl;
import cn.binarywang.wx.miniapp.bean.WxMaJscode2SessionResult;
import cn.binarywang.wx.miniapp.config.impl.WxMaDefaultConfigImpl;
import com.google.gson.JsonObject;
import java.net.URI;

/** WxJava as published: login, access token, phone number, decryption. Prints its version and what it learned. */
public class WxJava {
    public static void main(String[] arguments) throws Exception {
        WxMaDefaultConfigImpl config = new WxMaDefaultConfigImpl();
        config.setAppid(System.getenv("WX_APPID"));
        config.setSecret(System.getenv("WX_SECRET"));
        // WxJava's own setting, wx.miniapp.config-storage.http-proxy-host in its Spring Boot starter.
        if (arguments.length > 1 && arguments[1].equals("own-proxy-setting")) {
            URI proxy = URI.create(System.getenv("WXMOCK_URL"));
            config.setHttpProxyHost(proxy.getHost());
            config.setHttpProxyPort(proxy.getPort());
        }
        WxMaService service = arguments[0].equals("okhttp") ? new WxMaServiceOkHttpImpl() : new WxMaServiceImpl();
        service.setWxMaConfig(config);

        WxMaJscode2SessionResult session = service.getUserService().getSessionInfo(System.getenv("WX_CODE"));
        String key = session.getSessionKey();
        JsonObject learned = new JsonObject();
        learned.addProperty("openid", session.getOpenid());
        learned.addProperty("access_token", service.getAccessToken());
        learned.addProperty("phone",
                service.getUserService().getPhoneNumber(System.getenv("WX_PHONE_CODE")).getPurePhoneNumber());
        learned.addProperty("opened_nickname", service.getUserService()
                .getUserInfo(key, System.getenv("WX_PROFILE"), System.getenv("WX_PROFILE_IV")).getNickName());
        learned.addProperty("opened_phone", service.getUserService()
                .getPhoneNoInfo(key, System.getenv("WX_PHONE"), System.getenv("WX_PHONE_IV")).getPurePhoneNumber());

        String jar = WxMaService.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        System.out.println(jar.replaceAll(".*/weixin-java-miniapp-(.*)\\.jar", "$1"));
        System.out.println(learned);
        // OkHttp's threads would keep the JVM for a minute.
        System.exit(0);
    }
}
