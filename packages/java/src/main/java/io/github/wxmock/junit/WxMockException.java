package io.github.wxmock.junit;

/** The mock cannot be started, or refused what it was asked; the text says what to do. */
public class WxMockException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    WxMockException(String message) {
        super(message);
    }

    WxMockException(String message, Throwable cause) {
        super(message, cause);
    }
}
