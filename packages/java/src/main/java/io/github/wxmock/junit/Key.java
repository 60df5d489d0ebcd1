package io.github.wxmock.junit;

/**
 * What is known of one session_key.
 *
 * @param no its number, from 1 for each user
 * @param cause what it was issued by
 * @param session_key base64 of 16 bytes
 * @param current whether it is the one that counts
 */
public record Key(long no, String cause, String session_key, boolean current) {}
