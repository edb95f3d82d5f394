/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uffd - the two requests to a userfaultfd that watching needs. They return 0 or -errno. */
#ifndef WSS_UFFD_H
#define WSS_UFFD_H

#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>

/* Features since 6.7, 6.4 and 5.19, which older headers do not have. */
#define UFFD_WP_ASYNC (1ULL << 15)
#define UFFD_WP_UNPOPULATED (1ULL << 13)
#define UFFD_WP_HUGETLBFS_SHMEM (1ULL << 12)

static inline int uffd_set_up(int uffd)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_WP_ASYNC | UFFD_WP_UNPOPULATED | UFFD_WP_HUGETLBFS_SHMEM };

	return ioctl(uffd, UFFDIO_API, &api) < 0 ? -errno : 0;
}

static inline int uffd_watch(int uffd, uint64_t start, uint64_t end)
{
	struct uffdio_register area = { .range = { start, end - start }, .mode = UFFDIO_REGISTER_MODE_WP };

	return ioctl(uffd, UFFDIO_REGISTER, &area) < 0 ? -errno : 0;
}

#endif
