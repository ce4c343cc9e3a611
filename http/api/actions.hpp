// What the routes do. Each checks its input, asks the node, and writes the answer; none blocks or holds a rule.
#pragma once

#include <memory>
#include <string>

namespace social::http {
class call;
}

namespace social::http::actions {

using call_ptr = std::shared_ptr<call>;

// accounts.cpp, sign_in.cpp
void health(const call_ptr& c, std::string body);
void email_exists(const call_ptr& c, std::string body);
void join(const call_ptr& c, std::string body);
void sign_in(const call_ptr& c, std::string body);
void me(const call_ptr& c, std::string body);

// posts.cpp
void write_post(const call_ptr& c, std::string body);
void list_posts(const call_ptr& c, std::string body);
void open_post(const call_ptr& c, std::string body);
void like_post(const call_ptr& c, std::string body);

// comments.cpp
void write_comment(const call_ptr& c, std::string body);
void list_comments(const call_ptr& c, std::string body);

// connections.cpp
void request_connection(const call_ptr& c, std::string body);
void grant_connection(const call_ptr& c, std::string body);

// subscriptions.cpp
void subscribe(const call_ptr& c, std::string body);
void remove_device(const call_ptr& c, std::string body);
void push_key(const call_ptr& c, std::string body);

}  // namespace social::http::actions
