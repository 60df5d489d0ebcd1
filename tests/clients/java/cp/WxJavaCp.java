import com.google.gson.JsonObject;
import java.net.URI;
import me.chanjar.weixin.common.error.WxErrorException;
import me.chanjar.weixin.cp.api.impl.WxCpServiceImpl;
import me.chanjar.weixin.cp.bean.WxCpMaJsCode2SessionResult;
import me.chanjar.weixin.cp.config.impl.WxCpDefaultConfigImpl;
import me.chanjar.weixin.cp.config.impl.WxCpTpDefaultConfigImpl;
import me.chanjar.weixin.cp.tp.service.impl.WxCpTpServiceImpl;

/** WxJava's module for WeCom as published: a company's exchange, and that of a third-party app. Prints its version and what it learned. */
public class WxJavaCp {
    private static JsonObject told(WxCpMaJsCode2SessionResult session) {
        JsonObject told = new JsonObject();
        told.addProperty("corpid", session.getCorpId());
        told.addProperty("userid", session.getUserId());
        told.addProperty("session_key", session.getSessionKey());
        return told;
    }

    public static void main(String[] arguments) throws Exception {
        WxCpDefaultConfigImpl config = new WxCpDefaultConfigImpl();
        config.setCorpId(System.getenv("WX_CORPID"));
        config.setCorpSecret(System.getenv("WX_CORPSECRET"));
        config.setAgentId(1000002);
        // Its client reads no setting of the JVM's, as that of WxJava's module for mini programs does not.
        URI proxy = URI.create(System.getenv("WXMOCK_URL"));
        config.setHttpProxyHost(proxy.getHost());
        config.setHttpProxyPort(proxy.getPort());
        WxCpServiceImpl company = new WxCpServiceImpl();
        company.setWxCpConfigStorage(config);
        JsonObject learned = new JsonObject();
        learned.add("company", told(company.jsCode2Session(System.getenv("WX_QY_CODE"))));
        try {
            company.jsCode2Session(System.getenv("WX_QY_CODE"));
        } catch (WxErrorException spent) {
            learned.addProperty("spent", spent.getError().getErrorCode());
        }

        WxCpTpDefaultConfigImpl settings = new WxCpTpDefaultConfigImpl();
        settings.setSuiteId(System.getenv("WX_SUITE_ID"));
        settings.setSuiteSecret(System.getenv("WX_SUITE_SECRET"));
        settings.setHttpProxyHost(proxy.getHost());
        settings.setHttpProxyPort(proxy.getPort());
        WxCpTpServiceImpl suite = new WxCpTpServiceImpl();
        suite.setWxCpTpConfigStorage(settings);
        suite.setSuiteTicket(System.getenv("WX_SUITE_TICKET"), 1200);
        learned.add("suite", told(suite.jsCode2Session(System.getenv("WX_QY_CODE_2"))));

        String jar = WxCpServiceImpl.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        System.out.println(jar.replaceAll(".*/weixin-java-cp-(.*)\\.jar", "$1"));
        System.out.println(learned);
    }
}
