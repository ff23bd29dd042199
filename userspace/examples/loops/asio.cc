// SPDX-License-Identifier: MIT-0
/*
 * Boost.Asio: a stream_descriptor, and a coroutine that awaits it.
 *
 * c++ -std=c++20 asio.cc $(pkg-config --cflags --libs libevnotify) -pthread; ./a.out /dev/evnotify-sim0
 */
#include <array>
#include <cerrno>
#include <ctime>
#include <iostream>
#include <system_error>
#include <utility>

#include <boost/asio.hpp>
#include <evnotify.h>
#include <fcntl.h>
#include <sys/ioctl.h>

namespace asio = boost::asio;

static std::array<evnotify_request, 5> requests()
{
	std::array<evnotify_request, 5> reqs = {};

	for (unsigned int i = 0; i < reqs.size(); i++) {
		reqs[i].user_data = i + 1;
		reqs[i].clockid = CLOCK_MONOTONIC;
	}
	reqs[0].due_ns = 30'000'000;
	reqs[1].due_ns = 10'000'000;
	reqs[2].due_ns = 20'000'000;
	reqs[3].due_ns = 3'600'000'000'000;
	reqs[4].flags = EVNOTIFY_SOURCE | EVNOTIFY_REPEAT;
	return reqs;
}

// Prints what a record tells.
static void told(const evnotify_event &ev)
{
	std::cout << "request " << ev.user_data << ": ";
	if (ev.flags & EVNOTIFY_EVENT_DATA)
		std::cout << "event " << ev.data << std::endl;
	else
		std::cout << (!ev.status ? "done" : ev.status == -ECANCELED ? "cancelled" :
			      "the source is gone") << std::endl;
}

// Until the source is gone. After request 1, nobody wants request 4, whose id is unwanted.
static asio::awaitable<void> take(asio::posix::stream_descriptor device, uint64_t unwanted)
{
	std::array<evnotify_event, 64> events;
	evnotify_cancel cancel = {};

	cancel.id = unwanted;
	for (;;) {
		boost::system::error_code error;
		size_t size = co_await device.async_read_some(asio::buffer(events),
			asio::redirect_error(asio::use_awaitable, error));

		if (error == boost::system::errc::no_such_device)
			co_return;
		if (error)
			throw boost::system::system_error(error, "read");
		for (size_t i = 0; i < size / sizeof(events[0]); i++) {
			told(events[i]);
			if (events[i].user_data == 1 &&
			    ioctl(device.native_handle(), EVNOTIFY_IOC_CANCEL, &cancel) < 0)
				throw std::system_error(errno, std::generic_category(), "cancel");
		}
	}
}

int main(int argc, char **argv)
{
	auto reqs = requests();
	asio::io_context loop;
	evn *evn = argc == 2 ? evn_open(argv[1], 0) : nullptr;

	if (!evn || evn_register(evn, reqs.data(), reqs.size()) != (ssize_t)reqs.size()) {
		perror(argc == 2 ? argv[1] : "usage: asio NODE");
		return 1;
	}
	// the descriptor is Asio's from here on, which closes it
	asio::co_spawn(loop, take({ loop, evn_release(evn) }, reqs[3].id),
		       [](std::exception_ptr error) { if (error) std::rethrow_exception(error); });
	loop.run();
	return 0;
}
