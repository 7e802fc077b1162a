// Preloaded into adbd alone. Debian's libbase knows no Android properties: they are answered from
// getprop's files. And drops to the user named by ADBD_UID, with Android's groups of the shell
// user.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <grp.h>
#include <string>
#include <unistd.h>

__attribute__((constructor)) static void drop_rights()
{
    unsetenv("LD_PRELOAD");
    const char* user = getenv("ADBD_UID");
    const int id = user ? atoi(user) : 0;
    unsetenv("ADBD_UID");
    const gid_t groups[] = {1007, 1015, 3003};
    if (id && (setgroups(3, groups) || setgid(id) || setuid(id)))
        _exit(111);
}

static std::string property(const char* key, const char* otherwise)
{
    std::string value = otherwise;
    const size_t length = strlen(key);
    for (const char* file : {"/system/build.prop", "/data/property/props"})
    {
        FILE* stream = fopen(file, "re");
        if (!stream)
            continue;
        char line[512];
        while (fgets(line, sizeof line, stream))
        {
            if (strncmp(line, key, length) == 0 && line[length] == '=')
            {
                line[strcspn(line, "\r\n")] = 0;
                value = line + length + 1;
            }
        }
        fclose(stream);
    }
    return value;
}

#define PUBLIC __attribute__((visibility("default")))

namespace android {
namespace base {
PUBLIC std::string GetProperty(const std::string& key, const std::string& otherwise)
{
    return property(key.c_str(), otherwise.c_str());
}
} // namespace base
} // namespace android

extern "C" PUBLIC int __system_property_get(const char* key, char* out)
{
    std::string value = property(key, "");
    if (value.size() > 91)
        value.resize(91);
    strcpy(out, value.c_str());
    return (int)value.size();
}
