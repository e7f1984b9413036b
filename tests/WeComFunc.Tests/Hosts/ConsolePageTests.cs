using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;
using static Microsoft.Playwright.Assertions;

namespace WeComFunc.Tests;

/// <summary>
/// The console as a person sees it, in a browser: against what <c>run.sh</c> starts. Of the tests that share it, no more than five revoke
/// the token: so many in a row are replaced at once (rule T6).
/// </summary>
[Trait("Speed", "Slow")]
public sealed partial class ConsolePageTests(RunningPlayground playground, Azurite azurite)
    : IClassFixture<RunningPlayground>, IClassFixture<Azurite>, IAsyncLifetime
{
    private const string Survived = "The login survived it.";

    /// <summary>How often the page asks for health, in ms of its own clock.</summary>
    private const int HealthPause = 10_000;

    private readonly List<IPage> _pages = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var page in _pages)
        {
            await page.Context.CloseAsync();
        }
    }

    [BrowserFact]
    public async Task A_login_shows_the_calls_it_made_its_answer_and_the_session()
    {
        var page = await OpenAsync();
        await page.GetByLabel("Member of the simulated WeCom").SelectOptionAsync("lisi");

        await LogInAsync(page, "李四🐉👩‍💻 is logged in");

        var login = page.Locator("#logins > li").First;
        await Expect(login.Locator("summary").First).ToContainTextAsync("lisi for app default 200");
        await Expect(login.GetByRole(AriaRole.Row).Filter(new() { HasText = "jscode2session (access_token=***, js_code=***)" }).First)
            .ToContainTextAsync("WeCom");
        await Expect(login.GetByRole(AriaRole.Row).Filter(new() { HasText = "user/get (access_token=***, userid)" }).First)
            .ToContainTextAsync(MillisecondsPattern());
        await Expect(login.GetByRole(AriaRole.Region, new() { Name = "Answer, HTTP 200" })).ToContainTextAsync("\"userid\": \"lisi\"");
        await Expect(login.GetByRole(AriaRole.Region, new() { Name = "Answer, HTTP 200" })).ToContainTextAsync("\"token\": \"***\"");
        foreach (var (claim, value) in ((string, string)[])[
            ("sub", $"{SimulatorState.SeedCorpId}/lisi"), ("aud", "orders-api"), ("alg", "ES256"), ("exp", "ends")])
        {
            var named = page.GetByRole(AriaRole.Rowheader, new() { Name = claim, Exact = true });
            await Expect(login.Locator(".claims tr").Filter(new() { Has = named })).ToContainTextAsync(value);
        }
    }

    [BrowserTheory]
    [InlineData("Revoke the token", "WeCom refused the token: it was replaced", "jscode2session", "40014 token refused")]
    [InlineData("Rotate the secret", "the new one was read from the vault", "gettoken", "40001 corpsecret refused")]
    [InlineData("Make WeCom busy", "WeCom was busy: the call was tried again.", "user/get", "-1 busy")]
    public async Task A_login_survives_each_trouble(string button, string story, string call, string result)
    {
        var page = await OpenAsync();

        await page.GetByRole(AriaRole.Button, new() { Name = button }).ClickAsync();

        await Expect(News(page)).ToContainTextAsync("张三 is logged in");
        await Expect(News(page)).ToContainTextAsync(story);
        await Expect(News(page)).ToContainTextAsync(Survived);
        await Expect(page.Locator("#logins > li").First.GetByRole(AriaRole.Row).Filter(new() { HasText = call }).First)
            .ToContainTextAsync(result);
        await Expect(page.Locator("#health")).ToHaveTextAsync("A login can succeed now");
    }

    [BrowserFact]
    public async Task A_login_survives_a_table_that_is_stopped_and_it_comes_back()
    {
        var page = await OpenAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop the table" }).ClickAsync();
        await Expect(News(page)).ToContainTextAsync("is logged in");
        await Expect(page.Locator("#logins > li").First.GetByRole(AriaRole.Row).Filter(new() { HasText = "session write" }))
            .ToContainTextAsync("out of reach");
        await UntilHealthSaysAsync(page, "out of reach");
        await Expect(News(page)).ToContainTextAsync("The table was out of reach: the login went on by what this process holds.");
        await Expect(News(page)).ToContainTextAsync(Survived);

        await page.GetByRole(AriaRole.Button, new() { Name = "Start the table" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Stop the table" })).ToBeVisibleAsync();
        await Expect(News(page)).ToContainTextAsync("is logged in");

        await UntilHealthSaysAsync(page, "ok");
    }

    [BrowserFact]
    public async Task Without_the_tick_trouble_waits_for_the_next_login()
    {
        var page = await OpenAsync();
        await page.GetByLabel("and log in right after it").UncheckAsync();

        await page.GetByRole(AriaRole.Button, new() { Name = "Make WeCom busy" }).ClickAsync();
        await Expect(News(page)).ToHaveTextAsync("WeCom answers −1 twice to each call of a login.");
        await Expect(page.Locator("#logins > li")).ToHaveCountAsync(0);

        await LogInAsync(page, Survived);
    }

    [BrowserFact]
    public async Task The_member_of_another_corp_gets_in_by_the_app_that_the_answer_names()
    {
        var page = await OpenAsync();
        await page.GetByLabel("Member of the simulated WeCom").SelectOptionAsync("zhaoliu");
        await page.GetByLabel("App that the mini program names").First.SelectOptionAsync("default");

        await LogInAsync(page, "zhaoliu is not logged in: The member belongs to the corp of another app. (other_app)");
        await LogInAsync(page, "赵六 is logged in");

        await Expect(page.Locator("#logins > li").First.Locator("summary").First).ToContainTextAsync("for app sales");
    }

    [BrowserFact]
    public async Task The_life_of_each_apps_token_is_drawn_and_said()
    {
        var page = await OpenAsync();

        foreach (var app in (string[])["default", "sales"])
        {
            var said = new Regex($"^Token of app {app}: fresh; fetched .+, expires .+, 1 h \\d+ min left$");
            var life = page.GetByRole(AriaRole.Img, new() { NameRegex = said });
            await Expect(life).ToBeVisibleAsync();
            var shares = await life.Locator("span").EvaluateAllAsync<double[]>(
                "zones => zones.map(zone => zone.getBoundingClientRect().width / zone.parentElement.getBoundingClientRect().width)");
            Assert.Equal([8.0 / 12, 3.0 / 12, 1.0 / 12], shares, (one, other) => Math.Abs(one - other) < 0.02);
        }
    }

    [BrowserFact]
    public async Task A_login_from_elsewhere_is_shown_too()
    {
        var page = await OpenAsync();
        using var http = new HttpClient();
        using var code = await http.PostAsJsonAsync(new Uri(playground.Simulator, "sim/codes"), new { userid = "wangwu" });

        using var answer = await http.PostAsync(new Uri(playground.Console, "api/login"), code.Content);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await Expect(page.Locator("#logins > li").First.Locator("summary").First).ToContainTextAsync("From elsewhere ok");
        await page.Locator("#logins > li summary").First.ClickAsync();
        await Expect(page.Locator("#logins > li").First.GetByRole(AriaRole.Row).Filter(new() { HasText = "user/get" }).First)
            .ToContainTextAsync("60111 member not visible");
    }

    [BrowserFact]
    public async Task Everything_can_be_done_with_the_keyboard()
    {
        var page = await OpenAsync();
        await page.Keyboard.PressAsync("Tab");
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Skip to the login" })).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Enter");
        await TabToAsync(page, "member");
        await page.Keyboard.TypeAsync("lisi");
        await TabToAsync(page, "app");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Enter");
        await Expect(News(page)).ToContainTextAsync("李四");

        foreach (var button in (string[])["busy", "table", "table"])
        {
            await TabToAsync(page, button);
            await page.Keyboard.PressAsync("Space");
            await Expect(page.Locator("button[aria-disabled]")).ToHaveCountAsync(0);
            await Expect(News(page)).ToContainTextAsync("is logged in");
            await Expect(page.Locator($"#{button}")).ToBeFocusedAsync();
        }

        // The summary of a login opens and closes it, and a long answer can be scrolled.
        await page.Locator("#logins summary").First.FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#logins details").First).Not.ToHaveAttributeAsync("open", "");
        await page.Keyboard.PressAsync("Enter");
        await page.Keyboard.PressAsync("Tab");
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Answer, HTTP 200" }).First).ToBeFocusedAsync();
        Assert.Equal("solid", await page.EvaluateAsync<string>("getComputedStyle(document.activeElement).outlineStyle"));
    }

    [BrowserTheory]
    [InlineData(320)]
    [InlineData(600)]
    [InlineData(1000)]
    public async Task Nothing_sticks_out_of_a_window_of_any_width(int width)
    {
        var page = await OpenAsync(width: width);
        await page.GetByText("Post a code by hand").ClickAsync();
        await LogInAsync(page, "is logged in");

        Assert.Equal(width, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        Assert.Empty(await page.EvaluateAsync<string[]>(
            """
            [...document.querySelectorAll('main *')]
              .filter(element => element.checkVisibility() && !element.closest('.unseen, thead') && element.getBoundingClientRect().right > innerWidth + 1)
              .map(element => element.outerHTML.slice(0, 80))
            """));
    }

    [BrowserFact]
    public async Task A_screen_reader_finds_names_for_all_that_there_is()
    {
        var page = await OpenAsync();
        await page.GetByText("Post a code by hand").ClickAsync();
        await LogInAsync(page, "is logged in");

        foreach (var role in (AriaRole[])[AriaRole.Banner, AriaRole.Main, AriaRole.Contentinfo])
        {
            await Expect(page.GetByRole(role)).ToHaveCountAsync(1);
        }

        foreach (var region in (string[])["Log in", "Make trouble", "Tokens", "Logins"])
        {
            await Expect(page.GetByRole(AriaRole.Region, new() { Name = region, Exact = true })).ToBeVisibleAsync();
        }

        foreach (var name in (string[])["Member of the simulated WeCom", "Code from wx.qy.login", "and log in right after it"])
        {
            await Expect(page.GetByLabel(name)).ToBeVisibleAsync();
        }

        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Rotate the secret" }))
            .ToHaveAccessibleDescriptionAsync(AskedAgainPattern());
        await Expect(page.GetByRole(AriaRole.Table, new() { Name = "Calls of this login" })).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Columnheader, new() { Name = "Result" })).ToBeAttachedAsync();
        Assert.Equal("polite", await News(page).GetAttributeAsync("aria-live"));
        Assert.Equal(1, await page.GetByRole(AriaRole.Heading, new() { Level = 1 }).CountAsync());
        Assert.Empty(await page.EvaluateAsync<string[]>(
            """
            [...document.querySelectorAll('input, select')].filter(control => control.labels.length !== 1).map(control => control.id)
              .concat([...document.querySelectorAll('button, summary, a, th')].filter(element => !element.textContent.trim()).map(element => element.outerHTML))
              .concat([...document.querySelectorAll('[id]')].map(element => element.id).filter((id, at, all) => all.indexOf(id) !== at))
            """));
    }

    [BrowserTheory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task All_that_is_written_stands_out_from_what_is_behind_it(ColorScheme scheme)
    {
        var page = await OpenAsync(scheme: scheme);
        await page.GetByRole(AriaRole.Button, new() { Name = "Make WeCom busy" }).ClickAsync();
        await Expect(News(page)).ToContainTextAsync(Survived);

        // WCAG 2.2, 1.4.3: 4.5 to 1.
        Assert.Empty(await page.EvaluateAsync<string[]>(
            """
            (() => {
              const parse = color => color.match(/[\d.]+/g).map(Number)
              const light = ([r, g, b]) => [r, g, b].map(part => part / 255)
                .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
                .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0)
              const behind = element => {
                const color = parse(getComputedStyle(element).backgroundColor)
                return color.length === 4 && color[3] === 0 ? behind(element.parentElement ?? document.body) : color
              }
              return [...document.querySelectorAll('body *')]
                .filter(element => element.checkVisibility() && [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
                .filter(element => !element.closest('.skip, .unseen, option, optgroup, noscript'))
                .map(element => {
                  const [one, other] = [light(parse(getComputedStyle(element).color)), light(behind(element))]
                  return [(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), element]
                })
                .filter(([contrast]) => contrast < 4.5)
                .map(([contrast, element]) => `${contrast.toFixed(2)} ${element.outerHTML.slice(0, 100)}`)
            })()
            """));
    }

    [BrowserFact]
    public async Task It_speaks_Chinese_to_a_Chinese_browser()
    {
        var page = await OpenAsync(locale: "zh-CN");

        await page.GetByRole(AriaRole.Button, new() { Name = "让企业微信繁忙" }).ClickAsync();

        await Expect(News(page)).ToHaveTextAsync(ChineseStoryPattern());
        await Expect(page.Locator("html")).ToHaveAttributeAsync("lang", "zh-CN");
        await Expect(page.Locator("#health")).ToHaveTextAsync("现在可以登录");
        await Expect(page.GetByRole(AriaRole.Img, new() { NameRegex = new("^应用 default 的 token: 有效；") })).ToBeVisibleAsync();
        var untouched = await page.Locator("[data-t]").AllInnerTextsAsync();
        Assert.DoesNotContain(untouched, text => EnglishPattern().IsMatch(text));
    }

    /// <summary>Every text is there in both languages.</summary>
    [Fact]
    public async Task Every_text_is_there_in_both_languages()
    {
        using var http = new HttpClient();
        var script = await http.GetStringAsync(new Uri(playground.Console, "console.js"));
        var page = await http.GetStringAsync(playground.Console);
        var (english, chinese) = (Keys("en"), Keys("zh"));

        Assert.True(english.Count > 50);
        Assert.Empty(english.Except(chinese));
        Assert.Empty(TextPattern().Matches(page).Select(text => text.Groups[1].Value).Except(chinese));

        List<string> Keys(string language) =>
        [
            .. KeyPattern().Matches(Regex.Match(script, $@"^  {language}: \{{\n([\s\S]*?)^  \}},$", RegexOptions.Multiline).Groups[1].Value)
                .Select(key => key.Groups[1].Value),
        ];
    }

    [BrowserFact]
    public async Task Neither_the_page_nor_what_it_is_told_of_calls_holds_a_secret()
    {
        var page = await OpenAsync();
        var responses = new ConcurrentQueue<IResponse>();
        page.Response += (_, response) => responses.Enqueue(response);

        await page.GetByRole(AriaRole.Button, new() { Name = "Make WeCom busy" }).ClickAsync();
        await Expect(News(page)).ToContainTextAsync(Survived);

        var code = (await BodyOf("/codes")).GetProperty("code").GetString()!;
        var token = (await BodyOf("/api/login")).GetProperty("session").GetProperty("token").GetString()!;
        using var http = new HttpClient();
        var state = await http.GetFromJsonAsync<JsonElement>(new Uri(playground.Simulator, "sim/state"));
        string[] secrets =
        [
            code, token.Split('.')[2],
            .. state.GetProperty("corps").EnumerateArray().SelectMany(corp => corp.GetProperty("apps").EnumerateArray())
                .SelectMany(app => app.GetProperty("liveTokens").EnumerateArray().Select(live => live.GetProperty("value").GetString()!)
                    .Append(app.GetProperty("secret").GetString()!)),
        ];
        Output.Run.Secrets(secrets, "secret of the playground");
        Assert.True(secrets.Length >= 6, $"{secrets.Length} secrets are looked for.");
        var shown = await page.ContentAsync();
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, shown));
        var lab = await http.GetStringAsync(new Uri(playground.Console, "console/lab"));
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, lab));

        async Task<JsonElement> BodyOf(string path) =>
            (await responses.Single(response => response.Url.EndsWith(path, StringComparison.Ordinal)).JsonAsync())!.Value;
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("Origin", "http://example.com", "1")]
    [InlineData("Sec-Fetch-Site", "cross-site", "1")]
    [InlineData("Host", "example.com", "1")]
    [InlineData("X-Forwarded-For", "127.0.0.1", "1")]
    public async Task Nobody_makes_trouble_from_another_site(string? header, string? value, string? own)
    {
        using var http = new HttpClient { BaseAddress = playground.Console };
        foreach (var path in (string[])["codes", "revoke", "rotate", "busy", "table"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"console/lab/{path}");
            request.Content = JsonContent.Create(new { userid = "zhangsan", app = "default", stopped = true });
            request.Headers.TryAddWithoutValidation(header ?? "X-Other", value);
            if (own is not null)
            {
                request.Headers.Add("X-Console", own);
            }

            using var answer = await http.SendAsync(request);

            Assert.Equal((HttpStatusCode.NotFound, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }
    }

    [Theory]
    [InlineData("codes", "{}", 400)]
    [InlineData("codes", "[", 400)]
    [InlineData("codes", """{"userid":1}""", 400)]
    [InlineData("rotate", """{"app":"none"}""", 400)]
    [InlineData("nothing", "{}", 404)]
    public async Task A_mistake_is_answered_as_one(string path, string body, int status)
    {
        using var http = new HttpClient { BaseAddress = playground.Console };
        http.DefaultRequestHeaders.Add("X-Console", "1");
        using var content = new StringContent(body);

        using var answer = await http.PostAsync(new Uri($"console/lab/{path}", UriKind.Relative), content);

        Assert.Equal(status, (int)answer.StatusCode);
    }

    [BrowserFact]
    public async Task Against_WeCom_itself_there_is_health_the_life_of_the_token_and_a_code_by_hand()
    {
        await using var wecom = await SimulatorServer.StartAsync();
        await using var host = await LoginHost.StartAsync(wecom, azurite, new ManualTimeProvider());
        Assert.Equal(200, (await host.LoginAsync(wecom.State.IssueCode("lisi"))).Status);
        var page = await OpenAsync(host.Client.BaseAddress);
        await Expect(page.GetByText("Member of the simulated WeCom")).ToBeHiddenAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Revoke the token" })).ToBeHiddenAsync();
        await Expect(page.Locator("#tokens .life")).ToHaveCountAsync(1);
        await Expect(Store(page, "Corpsecret")).ToHaveTextAsync("ok");

        foreach (var (code, news) in ((string, string)[])[
            (wecom.State.IssueCode("zhangsan"), "张三 is logged in"), ("a-code-of-nobody", "is not logged in: ")])
        {
            await page.GetByLabel("Code from wx.qy.login").FillAsync(code);
            await page.GetByRole(AriaRole.Button, new() { Name = "Post it" }).ClickAsync();
            await Expect(News(page)).ToContainTextAsync(news);
            await Expect(page.GetByLabel("Code from wx.qy.login")).ToHaveValueAsync("");
            Assert.DoesNotContain(code, await page.ContentAsync());
        }

        Output.Run.Secrets(wecom.State.IssuedSecrets);
    }

    /// <summary>The pictures for docs/images: looked at by people, and copied there when the page has changed.</summary>
    [BrowserTheory]
    [InlineData("en-US", "")]
    [InlineData("zh-CN", ".zh-CN")]
    public async Task After_two_troubles_it_fits_its_window(string locale, string suffix)
    {
        var page = await OpenAsync(locale: locale);
        var logins = 0;
        foreach (var trouble in (string[])["#busy", "#revoke"])
        {
            await page.Locator(trouble).ClickAsync();
            await Expect(page.Locator("#logins > li")).ToHaveCountAsync(++logins);
            await Expect(page.Locator("button[aria-disabled]")).ToHaveCountAsync(0);
        }

        await AssertFitsAsync($"console{suffix}.png");
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await page.SetViewportSizeAsync(360, 900);
        await AssertFitsAsync($"console-narrow{suffix}.png");

        async Task AssertFitsAsync(string picture)
        {
            var width = page.ViewportSize!.Width;
            await page.EvaluateAsync("scrollTo(0, 0)");
            var file = Path.Combine(Path.GetDirectoryName(Output.Run.Path)!, picture);
            await page.ScreenshotAsync(new() { Path = file, FullPage = width > 400 });

            Assert.Equal(width, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
            Assert.True(File.Exists(Path.Combine(Repository.Root, "docs", "images", picture)), $"docs/images has no {picture}.");
        }
    }

    private static ILocator News(IPage page) => page.GetByRole(AriaRole.Status);

    private static ILocator Store(IPage page, string name) =>
        page.Locator("#stores div").Filter(new() { Has = page.GetByText(name, new() { Exact = true }) }).Locator("dd");

    /// <summary>Has the page ask for health, without its pauses, until that says so of the table.</summary>
    private static Task UntilHealthSaysAsync(IPage page, string table) => Wait.UntilAsync(async () =>
    {
        await page.Clock.FastForwardAsync(HealthPause);
        return await Store(page, "Table").InnerTextAsync() == table;
    });

    private static async Task LogInAsync(IPage page, string news)
    {
        await page.GetByRole(AriaRole.Button, new() { Name = "Log in", Exact = true }).ClickAsync();
        await Expect(News(page)).ToContainTextAsync(news);
        await Expect(page.Locator("button[aria-disabled]")).ToHaveCountAsync(0);
    }

    private static async Task TabToAsync(IPage page, string id)
    {
        for (var presses = 0; presses < 40; presses++)
        {
            if (await page.EvaluateAsync<string>("document.activeElement.id") == id)
            {
                return;
            }

            await page.Keyboard.PressAsync("Tab");
        }

        Assert.Fail($"No number of tabs leads to {id}.");
    }

    private async Task<IPage> OpenAsync(
        Uri? console = null, string locale = "en-US", int width = 1200, ColorScheme scheme = ColorScheme.Light)
    {
        var page = await playground.Browser.OpenAsync(console ?? playground.Console, locale, width, scheme);
        _pages.Add(page);
        return page;
    }

    [GeneratedRegex(@"[\d.]+ ms")]
    private static partial Regex MillisecondsPattern();

    [GeneratedRegex("asked again once a minute at most")]
    private static partial Regex AskedAgainPattern();

    [GeneratedRegex(@"^张三 已登录，用时 \d+(\.\d)? ms。.*企业微信繁忙：重试了该调用。.*登录没有受到影响。$")]
    private static partial Regex ChineseStoryPattern();

    [GeneratedRegex(@"[A-Za-z]+ [a-z]+ [a-z]+")]
    private static partial Regex EnglishPattern();

    [GeneratedRegex("data-t=\"(\\w+)\"")]
    private static partial Regex TextPattern();

    [GeneratedRegex(@"(?:^ +|, )'?([\w-]+)'?: '", RegexOptions.Multiline)]
    private static partial Regex KeyPattern();
}
