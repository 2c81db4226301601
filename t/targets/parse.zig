// SPDX-License-Identifier: MIT
const std = @import("std");

fn parse(_: void, input: []const u8) anyerror!void {
    var sum: usize = 0;
    for (input) |c| {
        switch (c) {
            '0'...'9' => sum += c - '0',
            'x' => sum *= 2,
            else => {},
        }
    }
    if (sum == 1337) return error.Found;
}

test "a small fuzz test" {
    try std.testing.fuzz({}, parse, .{});
}
