package io.github.wxmock.junit;

import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * One mock for the tests of a class, reset before each, ended after the last.
 *
 * <p>{@code @ExtendWith(WxMockExtension.class)} gives it to tests as a parameter. Where it must be there earlier, as for a Spring
 * context, register it: {@code @RegisterExtension static WxMockExtension wxmock = WxMockExtension.with("--preset", "eager")}.
 */
public final class WxMockExtension implements BeforeEachCallback, AfterAllCallback, ParameterResolver {
    private final List<String> arguments;
    private WxMock mock;

    /** A mock with no arguments. */
    public WxMockExtension() {
        this(List.of());
    }

    private WxMockExtension(List<String> arguments) {
        this.arguments = arguments;
    }

    /** A mock with arguments of {@code wxmock serve}. */
    public static WxMockExtension with(String... arguments) {
        return new WxMockExtension(List.of(arguments));
    }

    /** The mock; the first call starts it. */
    public synchronized WxMock mock() {
        if (mock == null) {
            mock = WxMock.start(arguments.toArray(String[]::new));
        }
        return mock;
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        mock().reset();
    }

    @Override
    public synchronized void afterAll(ExtensionContext context) {
        // Also called after each nested class, whose tests share this mock.
        boolean isNested = context.getRequiredTestClass().isAnnotationPresent(Nested.class);
        if (mock != null && !isNested) {
            mock.stop();
            mock = null;
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == WxMock.class;
    }

    @Override
    public WxMock resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return mock();
    }
}
