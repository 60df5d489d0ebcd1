import cn.binarywang.wx.miniapp.api.WxMaService;
import cn.binarywang.wx.miniapp.api.impl.WxMaServiceImpl;
import cn.binarywang.wx.miniapp.api.impl.WxMaServiceOkHttpImpl;
import cn.binarywang.wx.miniapp.bean.WxMaJscode2SessionResult;
import cn.binarywang.wx.miniapp.bean.WxMaSubscribeMessage;
import cn.binarywang.wx.miniapp.bean.security.WxMaMsgSecCheckCheckRequest;
import cn.binarywang.wx.miniapp.bean.security.WxMaMsgSecCheckCheckResponse;
import cn.binarywang.wx.miniapp.bean.xpay.WxMaXPayQueryOrderRequest;
import cn.binarywang.wx.miniapp.bean.xpay.WxMaXPayQueryUserBalanceRequest;
import cn.binarywang.wx.miniapp.bean.xpay.WxMaXPaySigParams;
import cn.binarywang.wx.miniapp.config.impl.WxMaDefaultConfigImpl;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.Base64;
import java.util.Map;
import me.chanjar.weixin.common.error.WxErrorException;

/** WxJava as published, beside the login: messages, codes, text checks, storage, balance, order, quota, and a signed and sealed call. */
public class WxJavaService {
    private static final String TEMPLATE = "-6kM0a4kKSbG8tWnNCxwDWdJOhOKfAuRGPwbCXW9xyz";
    private static final String SYM_KEY = "otUpngOjU+nVQaWJIC3D/yMLV17RKaP6t4Ot9tbnzLY=";
    private static final String SYM_SN = "fa05fe1e5bcc79b81ad5ad4b58acf787";

    interface Call {
        void run() throws WxErrorException;
    }

    private static int errcode(Call call) {
        try {
            call.run();
            return 0;
        } catch (WxErrorException error) {
            return error.getError().getErrorCode();
        }
    }

    private static String admin(String method, String path, String body) throws Exception {
        URI uri = URI.create(System.getenv("WXMOCK_URL") + path);
        HttpRequest request = HttpRequest.newBuilder(uri)
                .method(method, HttpRequest.BodyPublishers.ofString(body)).build();
        // The mock itself is asked directly, not by the road under test.
        HttpClient client = HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IllegalStateException(answer.body());
        }
        return answer.body();
    }

    public static void main(String[] arguments) throws Exception {
        String appid = System.getenv("WX_APPID");
        WxMaDefaultConfigImpl config = new WxMaDefaultConfigImpl();
        config.setAppid(appid);
        config.setSecret(System.getenv("WX_SECRET"));
        WxMaService service = new WxMaServiceOkHttpImpl();
        service.setWxMaConfig(config);
        WxMaJscode2SessionResult session = service.getUserService().getSessionInfo(System.getenv("WX_CODE"));
        String openid = session.getOpenid();
        String key = session.getSessionKey();
        JsonObject learned = new JsonObject();
        learned.addProperty("openid", openid);

        WxMaSubscribeMessage message = WxMaSubscribeMessage.builder().toUser(openid).templateId(TEMPLATE)
                .data(java.util.List.of(new WxMaSubscribeMessage.MsgData("thing1", "hello"))).build();
        learned.addProperty("sent", errcode(() -> service.getMsgService().sendSubscribeMsg(message)));
        message.setToUser("o");
        learned.addProperty("refused", errcode(() -> service.getMsgService().sendSubscribeMsg(message)));

        byte[] code = service.getQrcodeService().createWxaCodeUnlimitBytes(
                "a=1", "pages/index", false, "release", 430, false, null, false);
        learned.addProperty("picture", String.format("%02x%c%c%c", code[0], code[1], code[2], code[3]));

        WxMaMsgSecCheckCheckRequest text = WxMaMsgSecCheckCheckRequest.builder()
                .content("hello").version("2").scene(2).openid(openid).build();
        WxMaMsgSecCheckCheckResponse checked = service.getSecurityService().checkMessage(text);
        learned.addProperty("suggest", checked.getResult().getSuggest());
        learned.addProperty("trace_id", checked.getTraceId());

        Map<String, String> pairs = Map.of("score", "1");
        learned.addProperty("stored", errcode(() -> service.getUserService().setUserStorage(pairs, key, openid)));
        learned.addProperty("stored_under_another_key",
                errcode(() -> service.getUserService().setUserStorage(pairs, "AAAAAAAAAAAAAAAAAAAAAA==", openid)));

        JsonObject app = JsonParser.parseString(admin("GET", "/_mock/v1/apps/" + appid, "")).getAsJsonObject();
        WxMaXPayQueryUserBalanceRequest balance = new WxMaXPayQueryUserBalanceRequest();
        balance.setOpenid(openid);
        balance.setEnv(0);
        balance.setUserIp("127.0.0.1");
        WxMaXPaySigParams signing = new WxMaXPaySigParams(key, app.get("pay_app_key").getAsString());
        learned.addProperty("balance",
                service.getWxMaXPayService().queryUserBalance(balance, signing).getBalance());
        WxMaXPaySigParams wrong = new WxMaXPaySigParams(key, "another AppKey");
        learned.addProperty("balance_under_another_app_key",
                errcode(() -> service.getWxMaXPayService().queryUserBalance(balance, wrong)));

        WxMaXPayQueryOrderRequest order = new WxMaXPayQueryOrderRequest();
        order.setOpenid(openid);
        order.setEnv(0);
        order.setOrderId("20240822");
        learned.addProperty("order", errcode(() -> service.getWxMaXPayService().queryOrder(order, signing)));
        learned.addProperty("quota_cleared", service.getWxMaOpenApiService().clearQuota());

        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        KeyPair pair = generator.generateKeyPair();
        Base64.Encoder lines = Base64.getMimeEncoder(64, new byte[] {'\n'});
        String pem = "-----BEGIN PUBLIC KEY-----\n" + lines.encodeToString(pair.getPublic().getEncoded())
                + "\n-----END PUBLIC KEY-----\n";
        JsonObject keys = new JsonObject();
        keys.addProperty("sym_sn", SYM_SN);
        keys.addProperty("sym_key", SYM_KEY);
        keys.addProperty("public_key", pem);
        admin("PUT", "/_mock/v1/apps/" + appid + "/api-signature", keys.toString());
        config.setWechatMpAppid(appid);
        config.setApiSignatureAesKey(SYM_KEY);
        config.setApiSignatureAesKeySn(SYM_SN);
        config.setApiSignatureRsaPrivateKeySn("97845f6ed842ea860df6fdf65941ff56");
        config.setApiSignatureRsaPrivateKey("-----BEGIN PRIVATE KEY-----\n"
                + lines.encodeToString(pair.getPrivate().getEncoded()) + "\n-----END PRIVATE KEY-----\n");
        // Over HTTP/2, where header names are lower case, WxJava finds none of those of a signed answer; its other client speaks HTTP/1.1.
        URI proxy = URI.create(System.getenv("WXMOCK_URL"));
        config.setHttpProxyHost(proxy.getHost());
        config.setHttpProxyPort(proxy.getPort());
        WxMaService signed = new WxMaServiceImpl();
        signed.setWxMaConfig(config);
        learned.addProperty("signed_phone",
                signed.getUserService().getPhoneNumber(System.getenv("WX_PHONE_CODE")).getPurePhoneNumber());

        String jar = WxMaService.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        System.out.println(jar.replaceAll(".*/weixin-java-miniapp-(.*)\\.jar", "$1"));
        System.out.println(learned);
        // OkHttp's threads would keep the JVM for a minute.
        System.exit(0);
    }
}
