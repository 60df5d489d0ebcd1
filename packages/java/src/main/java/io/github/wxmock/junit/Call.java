package io.github.wxmock.junit;

/**
 * What is known of one call of the backend.
 *
 * @param id number in order of arrival, from 1
 * @param endpoint a name as in docs/endpoints.md
 * @param appid the appid it named, or null
 * @param user whose login it is about, or null
 * @param state arrived, committed, answered or gone
 * @param errcode null while the answer is undecided, and when it carries none
 * @param status HTTP status; null when no byte of an answer was sent
 * @param key_no number of the session_key it was told, or null
 */
public record Call(long id, String endpoint, String appid, String user, String state, Long errcode, Integer status, Long key_no) {}
