package io.github.wxmock.junit;

/**
 * A call that is held.
 *
 * @param call its number
 * @param endpoint a name as in docs/endpoints.md
 * @param point arrived, committed or answered
 * @param user whose login it is about, or null
 * @param held_ms for how long by now, in milliseconds
 */
public record Parked(long call, String endpoint, String point, String user, long held_ms) {}
