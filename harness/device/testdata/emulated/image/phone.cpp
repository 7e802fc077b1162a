// What a phone has and a virtual machine lacks: cpufreq and thermal files in /sys, and values for
// dumpsys.
//
//   /data/local/emulated/schedule ──► this process, twice a second ──► /dev/phone/{cpu,thermal}
//   (bound over /sys)
//                                                                  └─► /dev/phone/now/KEY (read by
//                                                                  dumpsys)
//
// Lines of the schedule: `SECONDS KEY VALUE`, seconds since the file was written. Temperatures are
// linear between their lines, all else steps. Keys: battery_temp, skin_temp, cpu_temp (tenths of a
// degree), status (Android's thermal status), level (percent), charging, screen (0 or 1), cap (kHz:
// cap of the big cores).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <vector>

static const char SCHEDULE[] = "/data/local/emulated/schedule";
static const char CPU_DIR[] = "/dev/phone/cpu";
static const char THERMAL_DIR[] = "/dev/phone/thermal";
static const long LITTLE_MAX_KHZ = 1804800, BIG_MAX_KHZ = 2841600, MIN_KHZ = 300000;

static int cpu_count = 0;

static void complain(const char* what)
{
    fprintf(stderr, "phone: %s: %m\n", what);
}

static void write_text(const std::string& file, const std::string& text, mode_t mode = 0644)
{
    const std::string fresh = file + ".new";
    const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return complain(fresh.c_str());
    if (write(fd, text.data(), text.size()) != (ssize_t)text.size())
        complain(fresh.c_str());
    close(fd);
    // Readers see the old text or the new one, never none.
    if (rename(fresh.c_str(), file.c_str()))
        complain(file.c_str());
}

// Writes only what changed: an emulated core is slow.
static void update_text(const std::string& file, const std::string& text)
{
    static std::map<std::string, std::string> written;
    std::string& last = written[file];
    if (last == text)
        return;
    last = text;
    write_text(file, text);
}

static std::string read_text(const std::string& file)
{
    char buffer[4096];
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
    close(fd);
    return length < 0 ? "" : std::string(buffer, length);
}

// The kernel's own files, so that programs still find the topology, caches and MIDR.
static void copy_tree(const std::string& from, const std::string& to, int depth)
{
    mkdir(to.c_str(), 0755);
    DIR* dir = opendir(from.c_str());
    if (!dir)
        return complain(from.c_str());
    while (const dirent* entry = readdir(dir))
    {
        const std::string name = entry->d_name;
        if (name[0] == '.' || name == "power" || name == "uevent")
            continue;
        if (entry->d_type == DT_DIR && depth > 0)
            copy_tree(from + "/" + name, to + "/" + name, depth - 1);
        else if (entry->d_type == DT_REG)
            write_text(to + "/" + name, read_text(from + "/" + name));
    }
    closedir(dir);
}

// The second half of the cores is big; a single core is big.
static bool is_big(int cpu)
{
    return cpu >= cpu_count / 2;
}

static std::string frequency_file(int cpu, const char* name)
{
    return std::string(CPU_DIR) + "/cpu" + std::to_string(cpu) + "/cpufreq/" + name;
}

static std::string zone_file(int zone, const char* name)
{
    return std::string(THERMAL_DIR) + "/thermal_zone" + std::to_string(zone) + "/" + name;
}

void phone_prepare()
{
    cpu_count = (int)sysconf(_SC_NPROCESSORS_CONF);
    mkdir("/dev/phone", 0755);
    if (mount("tmpfs", "/dev/phone", "tmpfs", 0, "mode=755"))
        return complain("/dev/phone");
    mkdir("/dev/phone/now", 0755);
    copy_tree("/sys/devices/system/cpu", CPU_DIR, 3);
    for (int cpu = 0; cpu < cpu_count; cpu++)
    {
        mkdir(frequency_file(cpu, "").c_str(), 0755);
        const std::string max = std::to_string(is_big(cpu) ? BIG_MAX_KHZ : LITTLE_MAX_KHZ) + "\n";
        const std::string min = std::to_string(MIN_KHZ) + "\n";
        write_text(frequency_file(cpu, "cpuinfo_max_freq"), max, 0444);
        write_text(frequency_file(cpu, "cpuinfo_min_freq"), min, 0444);
        write_text(frequency_file(cpu, "scaling_max_freq"), max);
        write_text(frequency_file(cpu, "scaling_min_freq"), min);
        write_text(frequency_file(cpu, "scaling_cur_freq"), min, 0444);
        write_text(frequency_file(cpu, "scaling_governor"), "schedutil\n");
        write_text(frequency_file(cpu, "scaling_available_governors"), "performance powersave schedutil\n", 0444);
    }
    mkdir(THERMAL_DIR, 0755);
    const char* types[] = {"battery", "skin-therm", "cpu-0-0", "cpu-1-0"};
    for (int zone = 0; zone < 4; zone++)
    {
        mkdir(zone_file(zone, "").c_str(), 0755);
        write_text(zone_file(zone, "type"), std::string(types[zone]) + "\n", 0444);
    }
    if (mount(CPU_DIR, "/sys/devices/system/cpu", nullptr, MS_BIND, nullptr))
        complain("/sys/devices/system/cpu");
    if (mount(THERMAL_DIR, "/sys/class/thermal", nullptr, MS_BIND, nullptr))
        complain("/sys/class/thermal");
}

struct Point
{
    double seconds;
    double value;
};

static std::map<std::string, std::vector<Point> > read_schedule()
{
    std::map<std::string, std::vector<Point> > points;
    FILE* stream = fopen(SCHEDULE, "re");
    if (!stream)
        return points;
    char line[256], key[64];
    Point point;
    while (fgets(line, sizeof line, stream))
    {
        if (sscanf(line, "%lf %63s %lf", &point.seconds, key, &point.value) == 3)
            points[key].push_back(point);
    }
    fclose(stream);
    return points;
}

static double value_at(const std::vector<Point>& points, double seconds, bool linear)
{
    const Point* before = &points.front();
    for (const Point& point : points)
    {
        if (point.seconds > seconds)
        {
            if (!linear || point.seconds <= before->seconds || seconds <= before->seconds)
                break;
            const double share = (seconds - before->seconds) / (point.seconds - before->seconds);
            return before->value + share * (point.value - before->value);
        }
        before = &point;
    }
    return before->value;
}

static double boot_seconds()
{
    timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

void phone_run()
{
    const std::map<std::string, double> idle = {{"battery_temp", 274}, {"skin_temp", 285}, {"cpu_temp", 352}, {"status", 0},
                                                {"level", 83}, {"charging", 1}, {"screen", 0}};
    std::map<std::string, std::vector<Point> > schedule;
    timespec loaded{};
    double start = 0;
    for (;; usleep(500000))
    {
        struct stat info{};
        if (stat(SCHEDULE, &info) == 0 && (info.st_mtim.tv_sec != loaded.tv_sec || info.st_mtim.tv_nsec != loaded.tv_nsec))
        {
            loaded = info.st_mtim;
            start = boot_seconds();
            schedule = read_schedule();
        }
        std::map<std::string, long> now;
        for (const auto& entry : idle)
            now[entry.first] = (long)entry.second;
        for (const auto& entry : schedule)
        {
            const bool linear = entry.first.find("_temp") != std::string::npos;
            now[entry.first] = (long)value_at(entry.second, boot_seconds() - start, linear);
        }
        for (const auto& entry : now)
            update_text("/dev/phone/now/" + entry.first, std::to_string(entry.second) + "\n");
        const char* zones[] = {"battery_temp", "skin_temp", "cpu_temp", "cpu_temp"};
        for (int zone = 0; zone < 4; zone++)
            update_text(zone_file(zone, "temp"), std::to_string(now[zones[zone]] * 100) + "\n");
        for (int cpu = 0; cpu < cpu_count; cpu++)
        {
            const long most = is_big(cpu) ? BIG_MAX_KHZ : LITTLE_MAX_KHZ;
            if (now.count("cap") && is_big(cpu))
                update_text(frequency_file(cpu, "scaling_max_freq"), std::to_string(std::min(now["cap"], most)) + "\n");
            const long cap = atol(read_text(frequency_file(cpu, "scaling_max_freq")).c_str());
            update_text(frequency_file(cpu, "scaling_cur_freq"), std::to_string(cap > 0 ? std::min(cap, most) : most) + "\n");
        }
    }
}
