// SPDX-License-Identifier: MIT
//! A small fuzz test for Zig's own fuzzer.

const std = @import("std");

/// Depth of the deepest nesting; an error where brackets do not match.
fn depth(text: []const u8) !usize {
    var stack: [32]u8 = undefined;
    var len: usize = 0;
    var deepest: usize = 0;
    for (text) |c| {
        switch (c) {
            '(', '[', '{', '<' => {
                if (len == stack.len) return error.TooDeep;
                stack[len] = c;
                len += 1;
                deepest = @max(deepest, len);
            },
            ')', ']', '}', '>' => {
                if (len == 0) return error.Unopened;
                len -= 1;
                const wanted: u8 = switch (stack[len]) {
                    '(' => ')',
                    '[' => ']',
                    '{' => '}',
                    else => '>',
                };
                if (c != wanted) return error.Mismatch;
            },
            else => {},
        }
    }
    if (len != 0) return error.Unclosed;
    return deepest;
}

test "fuzz brackets" {
    const Context = struct {
        fn testOne(context: @This(), input: []const u8) anyerror!void {
            _ = context;
            _ = depth(input) catch return;
        }
    };
    try std.testing.fuzz(Context{}, Context.testOne, .{});
}
