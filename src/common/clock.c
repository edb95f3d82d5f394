/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clock.h"

#include "tool.h"

#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t unix_minus_monotonic_ns(void)
{
	static uint64_t fixed_ns;

	if (!fixed_ns) {
		fixed_ns = read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
		prctl(PR_SET_TIMERSLACK, 1UL); /* the default lets us sleep 50 us too long */
	}
	return fixed_ns;
}

uint64_t clock_now_ns(void)
{
	return clock_from_monotonic(read_ns(CLOCK_MONOTONIC));
}

uint64_t clock_from_monotonic(uint64_t monotonic_ns)
{
	return unix_minus_monotonic_ns() + monotonic_ns;
}

uint64_t clock_to_monotonic(uint64_t t_ns)
{
	return t_ns - unix_minus_monotonic_ns();
}

bool clock_sleep_until(uint64_t t_ns)
{
	struct pollfd stop = { .fd = tool_stop_fd(), .events = POLLIN };

	while (!tool_stop) {
		uint64_t now_ns = clock_now_ns();
		struct timespec left;

		if (now_ns >= t_ns)
			return true;
		left.tv_sec = (time_t)((t_ns - now_ns) / NS_PER_S);
		left.tv_nsec = (long)((t_ns - now_ns) % NS_PER_S);
		ppoll(&stop, 1, &left, NULL);
	}
	return false;
}
