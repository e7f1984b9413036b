using Microsoft.Playwright;

namespace WeComFunc.Tests.Doubles;

/// <summary>A Chromium of this machine, without a window.</summary>
internal sealed class Browser : IAsyncDisposable
{
    // Real time, and only to end a test that would hang otherwise.
    private const float Patience = 120_000;

    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    private readonly IPlaywright _driver;
    private readonly IBrowser _browser;

    private Browser(IPlaywright driver, IBrowser browser) => (_driver, _browser) = (driver, browser);

    /// <summary>Where it is; null where there is none.</summary>
    public static string? Program { get; } = (
        from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        from name in Names
        select Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    public static async Task<Browser> StartAsync()
    {
        Assertions.SetDefaultExpectTimeout(Patience);
        var driver = await Playwright.CreateAsync();
        return new(driver, await driver.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Program,
            // Its own sandbox takes rights that nobody has in a container, and what it shows is ours.
            Args = ["--no-sandbox", "--disable-dev-shm-usage"],
        }));
    }

    /// <summary>Opens the console at an address, and waits until it is ready.</summary>
    /// <param name="console">The address.</param>
    /// <param name="locale">The language of the browser.</param>
    /// <param name="width">How wide its window is.</param>
    /// <param name="scheme">Whether it is dark.</param>
    public async Task<IPage> OpenAsync(
        Uri console, string locale = "en-US", int width = 1200, ColorScheme scheme = ColorScheme.Light)
    {
        var context = await _browser.NewContextAsync(new()
        {
            Locale = locale,
            ViewportSize = new() { Width = width, Height = 900 },
            ColorScheme = scheme,
            ReducedMotion = ReducedMotion.Reduce,
        });
        context.SetDefaultTimeout(Patience);
        var page = await context.NewPageAsync();
        await page.Clock.InstallAsync();
        await page.GotoAsync(console.AbsoluteUri);
        await Assertions.Expect(page.Locator("html[data-ready]")).ToBeAttachedAsync();
        await Assertions.Expect(page.Locator("#health")).ToHaveAttributeAsync("data-state", "healthy");
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _driver.Dispose();
    }
}

/// <summary>A test in a browser, skipped where there is none.</summary>
internal sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute() => Skip = Browser.Program is null ? BrowserTheoryAttribute.Reason : null;
}

/// <summary>Such a test with a table.</summary>
internal sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public const string Reason = "There is no Chromium here, and tests/setup.sh could not install it.";

    public BrowserTheoryAttribute() => Skip = Browser.Program is null ? Reason : null;
}
