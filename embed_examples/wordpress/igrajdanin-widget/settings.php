<?php
/**
 * The page «Settings → Problems of the city»: the snippet is pasted whole, or its two parts are typed.
 *
 * @package igrajdanin-widget
 */

defined( 'ABSPATH' ) || exit;

/**
 * What comes from the form, made fit to be kept. A pasted snippet wins over the two fields; whatever is no address and no
 * key is left out, with a word about it.
 */
function igrajdanin_sanitize( $given ): array {
	$given   = (array) $given;
	$service = isset( $given['service'] ) ? trim( (string) $given['service'] ) : '';
	$key     = isset( $given['key'] ) ? trim( (string) $given['key'] ) : '';
	$snippet = isset( $given['snippet'] ) ? (string) $given['snippet'] : '';
	if ( preg_match( '~(https?://[^\s"\'<>]+?)/s/(wk_[A-Za-z0-9_-]+)/report~', $snippet, $found ) ) {
		list( , $service, $key ) = $found;
	} elseif ( '' !== trim( $snippet ) ) {
		add_settings_error( IGRAJDANIN_OPTION, 'snippet', __( 'This is not the code of the widget. Copy it once more, whole.', 'igrajdanin-widget' ) );
	}
	if ( '' !== $service && ! preg_match( '~^https?://[^\s/"\'<>]+(/[^\s"\'<>?#]*)?$~', $service ) ) {
		add_settings_error( IGRAJDANIN_OPTION, 'service', __( 'The address of the service begins with https://', 'igrajdanin-widget' ) );
		$service = '';
	}
	if ( '' !== $key && ! preg_match( '/^wk_[A-Za-z0-9_-]+$/', $key ) ) {
		add_settings_error( IGRAJDANIN_OPTION, 'key', __( 'The key of the site begins with wk_', 'igrajdanin-widget' ) );
		$key = '';
	}
	return array( 'service' => rtrim( esc_url_raw( $service ), '/' ), 'key' => $key );
}

function igrajdanin_admin_init(): void {
	register_setting( IGRAJDANIN_OPTION, IGRAJDANIN_OPTION, array( 'type' => 'array', 'sanitize_callback' => 'igrajdanin_sanitize' ) );
}
add_action( 'admin_init', 'igrajdanin_admin_init' );

function igrajdanin_admin_menu(): void {
	$title = __( 'Problems of the city', 'igrajdanin-widget' );
	add_options_page( $title, $title, 'manage_options', 'igrajdanin-widget', 'igrajdanin_settings_page' );
}
add_action( 'admin_menu', 'igrajdanin_admin_menu' );

function igrajdanin_settings_page(): void {
	$settings = igrajdanin_settings();
	$field    = '<input type="text" class="regular-text code" id="igrajdanin-%1$s" name="' . IGRAJDANIN_OPTION . '[%1$s]" value="%2$s" placeholder="%3$s">';
	?>
	<div class="wrap">
		<h1><?php echo esc_html( get_admin_page_title() ); ?></h1>
		<form action="options.php" method="post">
			<?php settings_fields( IGRAJDANIN_OPTION ); ?>
			<table class="form-table" role="presentation">
				<tr>
					<th scope="row"><label for="igrajdanin-snippet"><?php esc_html_e( 'The code you were given', 'igrajdanin-widget' ); ?></label></th>
					<td>
						<textarea class="large-text code" rows="5" id="igrajdanin-snippet" name="<?php echo esc_attr( IGRAJDANIN_OPTION ); ?>[snippet]" placeholder="&lt;igrajdanin-widget site-key=&quot;wk_…&quot;&gt;"></textarea>
						<p class="description"><?php esc_html_e( 'Paste it whole: both fields below fill in by themselves.', 'igrajdanin-widget' ); ?></p>
					</td>
				</tr>
				<tr>
					<th scope="row"><label for="igrajdanin-service"><?php esc_html_e( 'Address of the service', 'igrajdanin-widget' ); ?></label></th>
					<td><?php printf( $field, 'service', esc_attr( $settings['service'] ), 'https://…' ); // phpcs:ignore WordPress.Security.EscapeOutput ?></td>
				</tr>
				<tr>
					<th scope="row"><label for="igrajdanin-key"><?php esc_html_e( 'Key of the site', 'igrajdanin-widget' ); ?></label></th>
					<td><?php printf( $field, 'key', esc_attr( $settings['key'] ), 'wk_…' ); // phpcs:ignore WordPress.Security.EscapeOutput ?></td>
				</tr>
			</table>
			<p>
				<?php
				/* translators: 1: address of this site, 2: the shortcode. */
				printf( esc_html__( 'Register the address %1$s with the service. Then put the block «Problems of the city» or %2$s into a page.', 'igrajdanin-widget' ), '<code>' . esc_html( igrajdanin_origin() ) . '</code>', '<code>[igrajdanin]</code>' );
				?>
			</p>
			<?php submit_button(); ?>
		</form>
	</div>
	<?php
}

/** The origin browsers will send: scheme, host and port of the site's address. */
function igrajdanin_origin(): string {
	$parts = wp_parse_url( home_url() );
	return $parts['scheme'] . '://' . $parts['host'] . ( isset( $parts['port'] ) ? ':' . $parts['port'] : '' );
}
